package io.github.steelyard.format;

/// The NVFP4 encoder of compressed-tensors, whose global scale is a divisor. The bytes are those that llm-compressor
/// writes for a model loaded in float32.
///
/// All arithmetic is float32, in this order, `g` the amax of the tensor and `b` that of a block:
///
/// ```text
/// G     = 2688 · (1 / g)                 the reciprocal first; 1 where that is infinite
/// scale = e4m3(min(G · (b / 6), 448))    0.125 where that is 0
/// code  = e2m1(w / (scale / G))
/// ```
///
/// Rows are encoded independently of each other, so that a tensor can be written in pieces.
///
/// Source: LLMCOMPRESSOR-BYTES (see `docs/SOURCES.md`).
final class ReciprocalNvfp4 {

    private static final float SCALE_OF_ZEROS = 0.125f;

    private ReciprocalNvfp4() {}

    /// Returns the global scale for a weight or an input with this amax: a divisor.
    ///
    /// @throws IllegalArgumentException if `amax` is negative or not finite
    static float globalScale(float amax) {
        return globalScale(amax, E4m3.MAX);
    }

    /// @param largest the scale of a block with this amax
    static float globalScale(float amax, float largest) {
        float scale = E2m1.MAX * largest * (1 / Math.max(Amax.require(amax), Float.MIN_NORMAL));
        return Float.isInfinite(scale) ? 1 : scale;
    }

    /// Returns the E4M3 code of the scale of a block with this amax.
    static int blockScale(float blockAmax, float globalScale) {
        int code = E4m3.encode(Math.min(globalScale * (blockAmax / E2m1.MAX), E4m3.MAX));
        return code == 0 ? E4m3.encode(SCALE_OF_ZEROS) : code;
    }

    /// Encodes dense rows, with block scales from the weights themselves; parameters as in [Nvfp4#encodeRows].
    static void encodeRows(
            float[] weights, int offset, int rows, int columns, float globalScale, byte[] codes, byte[] blockScales) {
        StoredElements.requireExtents("NVFP4 weight", rows, columns, Nvfp4.BLOCK);
        for (int block = 0; block < rows * (columns / Nvfp4.BLOCK); block++) {
            float amax = Amax.require(Amax.of(weights, offset + block * Nvfp4.BLOCK, Nvfp4.BLOCK));
            blockScales[block] = (byte) blockScale(amax, globalScale);
        }
        encodeCodes(weights, offset, rows, columns, globalScale, codes, blockScales);
    }

    /// Encodes dense rows under block scales that are given; parameters as in [Nvfp4#encodeCodes].
    static void encodeCodes(
            float[] weights, int offset, int rows, int columns, float globalScale, byte[] codes, byte[] blockScales) {
        StoredElements.requireExtents("NVFP4 weight", rows, columns, Nvfp4.BLOCK);
        for (int block = 0; block < rows * (columns / Nvfp4.BLOCK); block++) {
            float scale = E4m3.decode(blockScales[block]) / globalScale;
            int from = offset + block * Nvfp4.BLOCK;
            E2m1.encode(weights, from, Nvfp4.BLOCK, scale, codes, block * (Nvfp4.BLOCK / 2));
        }
    }
}
