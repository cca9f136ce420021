package io.github.steelyard.format;

/// Whose order of roundings an encoder follows, so whose bytes it makes. Each value is right by either; codes differ
/// where a quotient lies next to a tie. Formulas: `docs/NUMERICS.md`.
///
/// | | [#MODELOPT] | [#COMPRESSED_TENSORS] |
/// |---|---|---|
/// | second level of NVFP4 | multiplier `s2 = g / 2688` | divisor `G = 2688 · (1 / g)` |
/// | block scale | `e4m3(clamp(b / (6 · s2), 2^-9, 448))` | `e4m3(min(G · (b / 6), 448))`, 0.125 where that is 0 |
/// | code | `e2m1(w / (s · s2))` | `e2m1(w / (s / G))` |
/// | E8M0 scale | up to the next power of two | up from 1.75 times a power of two on |
/// | -0.0 in FP8 | code 0x80 | code 0 |
/// | integers | in float32 | in BF16, over a wider range ([Ints]) |
public enum Arithmetic {
    /// NVIDIA ModelOpt.
    MODELOPT,
    /// compressed-tensors and llm-compressor.
    COMPRESSED_TENSORS;

    /// Returns the scale of a tensor with this amax as it is stored, 1 for formats without one.
    ///
    /// @param amax finite and not negative, 0 for a tensor of zeros
    public float tensorScale(Format format, float amax) {
        return isReciprocal(format) ? ReciprocalNvfp4.globalScale(amax) : format.tensorScale(amax);
    }

    /// Returns the global scale, as it is stored, of an NVFP4 weight with static blocks.
    ///
    /// @param amax finite and not negative
    /// @param largest the scale of a block with this amax: 448, or 256 for four-over-six
    public float staticScale(float amax, float largest) {
        return switch (this) {
            case MODELOPT -> Nvfp4.staticGlobalScale(amax, largest);
            case COMPRESSED_TENSORS -> ReciprocalNvfp4.globalScale(amax, largest);
        };
    }

    /// Returns the amax that readers make of the scale that is stored for this one: the same, or next to it where a
    /// reciprocal is stored.
    public float readBack(Format format, float amax) {
        return isReciprocal(format) && amax > 0 ? Nvfp4.RANGE / tensorScale(format, amax) : amax;
    }

    /// Returns whether the scale of a tensor is stored as the reciprocal of the multiplier.
    public boolean isReciprocal(Format format) {
        return this == COMPRESSED_TENSORS && format.coding() == Format.Coding.NVFP4;
    }
}
