package io.github.steelyard.census;

import java.util.Optional;

/// What the scan of a tensor, or of a piece of one, found.
public sealed interface ScanResult {

    /// Of values that must be finite.
    record Plain(LaneScan.Result notFinite) implements ScanResult {}

    /// Of scales.
    ///
    /// @param bad how many are not finite and positive
    /// @param first index of the first of those, -1 if there is none
    /// @param example its value
    /// @param implausible how many are so small or large that arithmetic with them overflows
    /// @param zeroBlocks how many block scales are zero over codes that are not
    /// @param single the value, if there is only one
    record Scales(long bad, long first, float example, long implausible, long zeroBlocks, Optional<Float> single)
            implements ScanResult {}
}
