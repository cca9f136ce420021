package io.github.steelyard.quant;

/// A number format that Steelyard can fake and write: element code and the granularity of its scales.
public enum QuantFormat {
    /// E4M3, one scale per tensor.
    FP8,
    /// E4M3, one scale per output feature; weights only.
    FP8_PER_CHANNEL,
    /// E4M3, one scale per tile of 128 x 128; weights only.
    FP8_BLOCK,
    /// E4M3, one scale per token computed at run time; inputs only.
    FP8_DYNAMIC_TOKEN,
    /// E2M1 in blocks of 16 with E4M3 block scales under one float32 scale per tensor.
    NVFP4,
    /// E2M1 in blocks of 32 with E8M0 block scales.
    MXFP4,
    /// E4M3 in blocks of 32 with E8M0 block scales.
    MXFP8
}
