package io.github.steelyard.search;

/// How the amax of a static NVFP4 block is chosen. Of equal errors the smallest candidate wins.
public sealed interface BlockRule {

    /// The largest magnitude of the block.
    record Largest() implements BlockRule {}

    /// The multiple of it with the smallest squared error. Four-over-six is 1 and 1.5.
    record Grid(Multipliers multipliers) implements BlockRule {}

    /// The amax of that one of the 126 positive E4M3 scales that has the smallest squared error.
    record Sweep() implements BlockRule {}
}
