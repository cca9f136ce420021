package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// The cast of MXFP4 weights to NVFP4 that keeps every code.
///
/// With `k` the exponent of a 32-block (scale code minus 127), `K` the largest over the tensor and `m = K - 8`:
///
/// ```text
/// globalScale = 2^m            amax 2688 · 2^m
/// blockScale  = 2^(k - m)      for both 16-blocks of the 32-block; exact in E4M3 while K - k <= 17
/// code        = the MXFP4 code
/// ```
///
/// A block further below the largest gets the smallest block scale, `2^-9`, and its codes are rounded anew; its values
/// may change. A block of scale code 0 counts as zero: block scale 1, codes 0.
///
/// A gate and up projection must share one global scale: use the [Exponents#and] of both.
final class Mxfp4ToNvfp4 {

    private static final int BIAS = 127;
    private static final int HEADROOM = 8;
    private static final int REACH = 17;
    private static final int MIN_SCALE_EXPONENT = -9;
    private static final int ONE = E4m3.encode(1);

    private Mxfp4ToNvfp4() {}

    /// The block exponents of one tensor, or of several that share a global scale.
    public static final class Exponents {

        /// Blocks by scale code.
        private final long[] counts;

        private Exponents(long[] counts) {
            this.counts = counts;
        }

        /// Counts the E8M0 codes of a tensor.
        ///
        /// @throws IllegalArgumentException if a code is NaN
        public static Exponents of(MemorySegment scales) {
            long[] counts = new long[E8m0.NAN_CODE];
            for (long block = 0; block < scales.byteSize(); block++) {
                int code = StoredElements.code(scales, block);
                if (code == E8m0.NAN_CODE) {
                    throw new IllegalArgumentException(
                            String.format(Locale.ROOT, "MXFP4 block %d: scale is NaN", block));
                }
                counts[code]++;
            }
            return new Exponents(counts);
        }

        /// Returns the exponents of this tensor and another.
        public Exponents and(Exponents other) {
            long[] sum = counts.clone();
            for (int code = 0; code < sum.length; code++) {
                sum[code] += other.counts[code];
            }
            return new Exponents(sum);
        }

        /// Returns the smallest exponent of a block that is not zero; 0 if all are.
        public int smallest() {
            for (int code = 1; code < E8m0.NAN_CODE; code++) {
                if (counts[code] > 0) {
                    return code - BIAS;
                }
            }
            return 0;
        }

        /// Returns the largest exponent of a block that is not zero; 0 if all are.
        public int largest() {
            for (int code = E8m0.NAN_CODE - 1; code > 0; code--) {
                if (counts[code] > 0) {
                    return code - BIAS;
                }
            }
            return 0;
        }

        /// Returns the number of blocks with scale code 0.
        public long zeroBlocks() {
            return counts[0];
        }

        /// Returns the number of blocks whose codes are kept, zero blocks included.
        public long losslessBlocks() {
            long blocks = zeroBlocks();
            for (int code = Math.max(1, largest() + BIAS - REACH); code <= largest() + BIAS; code++) {
                blocks += counts[code];
            }
            return blocks;
        }

        /// Returns the NVFP4 global scale, `2^(largest - 8)`.
        public float globalScale() {
            return Math.scalb(1f, largest() - HEADROOM);
        }

        boolean keeps(int exponent) {
            return largest() - exponent <= REACH;
        }
    }

    /// Returns the amax that ModelOpt records for the two 16-blocks that a 32-block becomes: `6 · 2^exponent` where its
    /// codes are kept, else that of its largest code.
    ///
    /// @param largestMagnitude the largest E2M1 code without sign, `0..7`
    public static float blockAmax(int exponent, int largestMagnitude, Exponents exponents) {
        float code = exponents.keeps(exponent) ? E2m1.MAX : E2m1.decode(largestMagnitude);
        return Math.scalb(code, exponent);
    }

    /// Casts rows `fromRow` (inclusive) to `toRow` (exclusive).
    ///
    /// @param source MXFP4
    /// @param codes receives `(rows, columns / 2)` bytes from `codesOffset` on
    /// @param blockScales receives `(rows, columns / 16)` E4M3 codes from `scalesOffset` on
    /// @throws IllegalArgumentException if `source` is not MXFP4
    public static void castRows(
            MxWeight source,
            int fromRow,
            int toRow,
            Exponents exponents,
            byte[] codes,
            int codesOffset,
            byte[] blockScales,
            int scalesOffset) {
        if (source.element() != MxWeight.Element.E2M1) {
            throw new IllegalArgumentException("cast to NVFP4: expected MXFP4, found " + source.formatName());
        }
        int blocks = source.columns() / MxWeight.BLOCK;
        for (int row = fromRow; row < toRow; row++) {
            for (int block = 0; block < blocks; block++) {
                int index = (row - fromRow) * blocks + block;
                castBlock(
                        source,
                        row,
                        block,
                        exponents,
                        codes,
                        codesOffset + index * (MxWeight.BLOCK / 2),
                        blockScales,
                        scalesOffset + index * (MxWeight.BLOCK / Nvfp4.BLOCK));
            }
        }
    }

    private static void castBlock(
            MxWeight source,
            int row,
            int block,
            Exponents exponents,
            byte[] codes,
            int to,
            byte[] scales,
            int scaleTo) {
        int scaleCode = source.scaleCode(row, block);
        int first = block * MxWeight.BLOCK;
        int blockScale = ONE;
        float ratio = 0;
        if (scaleCode != 0) {
            int wanted = scaleCode - BIAS - (exponents.largest() - HEADROOM);
            int exponent = Math.max(wanted, MIN_SCALE_EXPONENT);
            blockScale = E4m3.encode(Math.scalb(1f, exponent));
            ratio = Math.scalb(1f, wanted - exponent);
        }
        for (int pair = 0; pair < MxWeight.BLOCK / 2; pair++) {
            int even = castCode(source.code(row, first + 2 * pair), ratio);
            int odd = castCode(source.code(row, first + 2 * pair + 1), ratio);
            codes[to + pair] = (byte) (even | (odd << 4));
        }
        for (int half = 0; half < MxWeight.BLOCK / Nvfp4.BLOCK; half++) {
            scales[scaleTo + half] = (byte) blockScale;
        }
    }

    private static int castCode(int code, float ratio) {
        return ratio == 1 ? code : E2m1.encode(E2m1.decode(code) * ratio);
    }
}
