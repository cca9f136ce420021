package io.github.steelyard.site;

import java.util.Set;

/// Where the rows come from that a [Tap] sees. The corpus is all sequences of the pass one after the other.
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
    /// @param begin where the expert's tokens begin in `tokens`, before which and after which others' may lie
    /// @param first where the call's rows begin in `tokens`
    /// @param total how many tokens the expert is sent in all; it has been shown all of them after so many rows
    /// @param all whether the expert is shown all others too, as [Others]: then these count among all tokens
    @SuppressWarnings("ArrayRecordComponent") // never compared, and as large as the corpus
    record Routed(int[] tokens, int begin, int first, int total, boolean all) implements RowSource {}

    /// Tokens that were shown to an expert though a router did not send them there, in the order of the corpus; with
    /// the routed ones they are all tokens.
    ///
    /// @param tokens as of [Routed]
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Others(int[] tokens) implements RowSource {}

    /// Tokens that were shown to an expert whatever the router chose, in the order of the corpus: all of them, where
    /// the rows of routed ones are not what those of others would be, since the router scales them.
    ///
    /// @param first row of the corpus of the first
    record Every(long first) implements RowSource {}

    /// Tokens that were shown to an expert because it was sent too few: of those that the router did not send there
    /// the ones whose scores came nearest, in the order of the corpus. They belong to no population.
    ///
    /// @param tokens as of [Routed]
    /// @param scores how near each was, higher is nearer
    /// @param first as of [Routed]
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Nearest(int[] tokens, float[] scores, int first) implements RowSource {}

    /// Returns which populations these tokens count in.
    default Set<Population> populations() {
        return switch (this) {
            case Weight weight -> Set.of(Population.ROUTED);
            case Sequence sequence -> Set.of(Population.ROUTED);
            case Routed routed -> routed.all ? Set.of(Population.ROUTED, Population.ALL) : Set.of(Population.ROUTED);
            case Others others -> Set.of(Population.ALL);
            case Every every -> Set.of(Population.ALL);
            case Nearest nearest -> Set.of();
        };
    }
}
