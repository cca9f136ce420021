package io.github.steelyard.site;

/// Where the rows come from that a [Tap] sees. The corpus is all sequences one after the other.
public sealed interface RowSource {

    /// The output features of a weight. Each of its rows is shown once; blocks of them come from several workers.
    record Weight() implements RowSource {}

    /// The tokens of one sequence, all of them, in their order.
    ///
    /// @param sequence its index
    record Sequence(int sequence) implements RowSource {}

    /// Tokens that a router sent to one expert, in the order of the corpus. Each of its tokens is shown once; its calls
    /// come in no particular order, from several workers.
    ///
    /// @param tokens rows of the corpus; row `i` of the call is `tokens[first + i]`
    /// @param first where the call's rows begin in `tokens`
    /// @param total how many tokens the expert is sent in all; it has been shown all of them after so many rows
    @SuppressWarnings("ArrayRecordComponent") // never compared, and as large as the corpus
    record Routed(int[] tokens, int first, int total) implements RowSource {}

    /// Tokens that were shown to an expert whatever the router chose, in the order of the corpus.
    ///
    /// @param first row of the corpus of the first
    record Every(long first) implements RowSource {}

    /// Returns which tokens these are.
    default Population population() {
        return switch (this) {
            case Weight weight -> Population.ROUTED;
            case Sequence sequence -> Population.ROUTED;
            case Routed routed -> Population.ROUTED;
            case Every every -> Population.ALL;
        };
    }
}
