package io.github.steelyard.work;

import java.util.function.ToIntFunction;

/// Which tokens an expert is shown besides those that its router sends to it, for statistics alone: nothing is added to
/// the residual stream.
public sealed interface ShownTokens {

    /// None.
    ShownTokens NONE = new None();

    /// All others.
    ShownTokens ALL = new All();

    /// None.
    record None() implements ShownTokens {}

    /// All others.
    record All() implements ShownTokens {}

    /// As many as an expert lacks, and of the others those with the nearest router scores.
    ///
    /// @param lacking how many tokens an expert, by the name of its module, still wants before this pass; those that
    ///     the pass sends there count
    record Nearest(ToIntFunction<String> lacking) implements ShownTokens {}
}
