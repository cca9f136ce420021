package io.github.steelyard.dialect;

/// What a quantization config says about a module's weight and input. The tensors decide what it really is.
public enum DeclaredFormat {
    /// Not quantised: excluded, or not listed.
    NONE(0),
    /// FP8 E4M3, one weight scale per tensor.
    FP8(0),
    /// FP8 E4M3, one weight scale per output feature.
    FP8_CHANNEL(0),
    /// FP8 E4M3, one weight scale per block of rows and columns.
    FP8_BLOCK(0),
    /// NVFP4 weight and input.
    NVFP4(16),
    /// NVFP4 weight, input not quantised.
    W4A16_NVFP4(16),
    /// E2M1 in blocks of 32 with E8M0 scales.
    MXFP4(32),
    /// E4M3 in blocks of 32 with E8M0 scales.
    MXFP8(32),
    /// Integers of four bits in groups of a row, weight only.
    INT4(0),
    /// Integers of eight bits in groups of a row, weight only.
    INT8(0);

    private final int blockSize;

    DeclaredFormat(int blockSize) {
        this.blockSize = blockSize;
    }

    /// Returns how many elements of a row share a block scale by the format's definition, 0 if it has none.
    public int blockSize() {
        return blockSize;
    }
}
