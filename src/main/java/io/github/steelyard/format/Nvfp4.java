package io.github.steelyard.format;

/// The NVFP4 encoder: E2M1 codes in blocks of 16 under E4M3 block scales under one float32 scale. The bytes are those
/// that ModelOpt exports.
///
/// All arithmetic is float32, in this order, `g` the amax of the tensor and `b` that of a block:
///
/// ```text
/// globalScale = g / 2688                                            2688 = 6 · 448
/// blockScale  = e4m3(clamp(b / (6 · globalScale), 2^-9, 448))       0 before the clamp becomes 1
/// code        = e2m1(w / (blockScale · globalScale))
/// ```
///
/// Rows are encoded independently of each other, so that a tensor can be written in pieces.
///
/// Where ModelOpt divides 0 by 0, on a tensor of zeros alone, the global scale here is 1 (see `docs/ODDITIES.md`).
public final class Nvfp4 {

    /// Columns that share a block scale.
    public static final int BLOCK = Nvfp4Weight.BLOCK;

    /// The range of codes times block scales: `6 · 448`.
    public static final float RANGE = E2m1.MAX * E4m3.MAX;

    private Nvfp4() {}

    /// Returns the global scale for a weight with this amax, `weight_scale_2`. 1 if that would be zero.
    ///
    /// @throws IllegalArgumentException if `amax` is negative or not finite
    public static float globalScale(float amax) {
        return staticGlobalScale(amax, E4m3.MAX);
    }

    /// Returns the global scale for an input with this amax, `input_scale`.
    ///
    /// @throws IllegalArgumentException if `amax` is not positive and finite: an input that was always zero has no
    /// scale
    public static float inputScale(float amax) {
        if (amax == 0) {
            throw new IllegalArgumentException("input amax must be positive, found 0");
        }
        return Amax.require(amax) / RANGE;
    }

    /// Returns the E4M3 code of the scale of a block with this amax, `0x01..0x7e`.
    public static int blockScale(float blockAmax, float globalScale) {
        return scaleCode(blockAmax / (E2m1.MAX * globalScale));
    }

    /// Returns the global scale for a weight with static blocks: `globalAmax / (6 · largest)`. 1 if that would be zero.
    ///
    /// @param largest the scale of a block with `globalAmax`: 448, or 256 for four-over-six
    /// @throws IllegalArgumentException if `globalAmax` is negative or not finite
    public static float staticGlobalScale(float globalAmax, float largest) {
        float scale = Amax.require(globalAmax) / (E2m1.MAX * largest);
        return scale == 0 ? 1 : scale;
    }

    /// Returns the E4M3 code of the scale of a block whose amax was searched for beforehand (ModelOpt's static blocks):
    /// `p · largest / (globalAmax / 6)` with `p = blockAmax / 6`, or 1 where that is zero.
    ///
    /// @param globalAmax amax of the tensor, positive
    /// @param largest the scale of a block with `globalAmax`: 448, or 256 for four-over-six
    public static int staticBlockScale(float blockAmax, float globalAmax, float largest) {
        float quotient = blockAmax / E2m1.MAX;
        float scale = (quotient == 0 ? 1 : quotient) * largest / (globalAmax / E2m1.MAX);
        return scaleCode(scale);
    }

    /// Encodes dense rows, with block scales from the weights themselves.
    ///
    /// @param weights `(rows, columns)` from `offset` on, finite
    /// @param columns a multiple of 16
    /// @param codes receives `(rows, columns / 2)` bytes from `codesOffset` on
    /// @param blockScales receives `(rows, columns / 16)` bytes from `scalesOffset` on
    /// @throws IllegalArgumentException if `columns` is no multiple of 16 or a weight is not finite
    public static void encodeRows(
            float[] weights,
            int offset,
            int rows,
            int columns,
            float globalScale,
            byte[] codes,
            int codesOffset,
            byte[] blockScales,
            int scalesOffset) {
        StoredElements.requireExtents("NVFP4 weight", rows, columns, BLOCK);
        for (int block = 0; block < rows * (columns / BLOCK); block++) {
            float amax = Amax.require(Amax.of(weights, offset + block * BLOCK, BLOCK));
            blockScales[scalesOffset + block] = (byte) blockScale(amax, globalScale);
        }
        encodeCodes(weights, offset, rows, columns, globalScale, codes, codesOffset, blockScales, scalesOffset);
    }

    /// Encodes dense rows under block scales that are given.
    ///
    /// @param weights `(rows, columns)` from `offset` on, not NaN
    /// @param blockScales `(rows, columns / 16)` E4M3 codes from `scalesOffset` on
    /// @param codes receives `(rows, columns / 2)` bytes from `codesOffset` on
    /// @throws IllegalArgumentException if `columns` is no multiple of 16 or a weight is NaN
    public static void encodeCodes(
            float[] weights,
            int offset,
            int rows,
            int columns,
            float globalScale,
            byte[] codes,
            int codesOffset,
            byte[] blockScales,
            int scalesOffset) {
        StoredElements.requireExtents("NVFP4 weight", rows, columns, BLOCK);
        for (int block = 0; block < rows * (columns / BLOCK); block++) {
            float scale = E4m3.decode(blockScales[scalesOffset + block]) * globalScale;
            E2m1.encode(weights, offset + block * BLOCK, BLOCK, scale, codes, codesOffset + block * (BLOCK / 2));
        }
    }

    /// Returns the scales of larger blocks, from the weights themselves.
    ///
    /// @param block columns that share a scale
    /// @return `(rows, columns / block)`
    static byte[] blockScales(float[] weights, int offset, int rows, int columns, int block, float globalScale) {
        StoredElements.requireExtents("NVFP4 weight", rows, columns, block);
        byte[] scales = new byte[rows * (columns / block)];
        for (int i = 0; i < scales.length; i++) {
            float amax = Amax.require(Amax.of(weights, offset + i * block, block));
            scales[i] = (byte) blockScale(amax, globalScale);
        }
        return scales;
    }

    /// Returns each scale twice: those of blocks of 32 for blocks of 16.
    static byte[] twice(byte[] scales) {
        byte[] twice = new byte[2 * scales.length];
        for (int i = 0; i < twice.length; i++) {
            twice[i] = scales[i / 2];
        }
        return twice;
    }

    private static int scaleCode(float scale) {
        return E4m3.encode(Math.clamp(scale == 0 ? 1 : scale, E4m3.MIN_POSITIVE, E4m3.MAX));
    }
}
