package io.github.steelyard.quant;

/// The number formats that a quantizer can use, each with its granularity.
///
/// Formulas: `docs/NUMERICS.md`.
public enum QuantFormat {
    /// FP8 E4M3 codes, one scale `amax / 448` for the tensor.
    FP8(8),
    /// FP8 E4M3 codes, one scale per output feature (weights).
    FP8_PER_CHANNEL(8),
    /// FP8 E4M3 codes, one scale per block of 128 rows and 128 columns (weights).
    FP8_BLOCK(8),
    /// FP8 E4M3 codes, one scale per token, computed at run time (activations).
    FP8_DYNAMIC_TOKEN(8),
    /// FP8 E4M3 codes, one scale per 128 elements of a token, computed at run time (activations of block weights).
    FP8_DYNAMIC_GROUP(8),
    /// E2M1 codes, an E4M3 scale per 16 elements and one float32 scale for the tensor.
    NVFP4(4),
    /// E2M1 codes, an E8M0 scale per 32 elements; nothing is calibrated.
    MXFP4(4),
    /// E4M3 codes, an E8M0 scale per 32 elements; nothing is calibrated.
    MXFP8(8);

    private final int bits;

    QuantFormat(int bits) {
        this.bits = bits;
    }

    /// Returns the size of one code in bits.
    public int bits() {
        return bits;
    }

    /// Returns whether weights are stored in this format.
    boolean isStored() {
        return switch (this) {
            case FP8, FP8_PER_CHANNEL, FP8_BLOCK, NVFP4, MXFP4, MXFP8 -> true;
            case FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP -> false;
        };
    }

    /// Returns whether an activation quantizer in this format needs a calibrated amax.
    public boolean needsAmax() {
        return switch (this) {
            case FP8, NVFP4 -> true;
            case FP8_PER_CHANNEL, FP8_BLOCK, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, MXFP4, MXFP8 -> false;
        };
    }
}
