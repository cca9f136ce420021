package io.github.steelyard.onednn;

import io.github.steelyard.matrix.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Float32 values as sums of three bf16 values, and the way back.
///
/// A float32 value has 24 significant bits. Cut off after 8 of them, it is a bf16 value; so is the difference, exact,
/// cut off after 8; so is what then remains: `x = high + mid + low`, exactly, if no part falls below 2⁻¹²⁶. Parts of an
/// infinity are the infinity and zeros; a NaN leaves a NaN in one of its parts.
///
/// Values lie in pairs in 32-bit words, the first of a pair in the low half. Of each 32 values in a row, `j` and
/// `j + 16` are a pair (`0 <= j < 16`): both sides of a product are paired so, which spares the shuffling of
/// neighbours and changes only in which order a sum is taken.
///
/// [Plain] is the specification; [VectorSplit] gives the same bits, NaN payloads excepted.
sealed interface Bf16Split permits Bf16Split.Plain, VectorSplit {

    /// Values whose pairs lie together.
    int STEP = 32;

    /// Half of [#STEP]: the distance between the two values of a pair.
    int HALF = STEP / 2;

    /// The sign, the exponent and the first 7 bits of the fraction: the bits of bf16.
    int KEPT = 0xffff_0000;

    /// All bits but the sign.
    int MAGNITUDE = 0x7fff_ffff;

    /// The bits of infinity; those of NaN are above.
    int INFINITY = 0x7f80_0000;

    /// The bits of the smallest normal value.
    int SMALLEST_NORMAL = 0x0080_0000;

    /// Output features of a panel of weights.
    int WIDTH = 64;

    /// [#narrow] found values that have more bits than bf16.
    int LONGER = 1;

    /// [#narrow] found subnormal values.
    int SUBNORMAL = 2;

    /// [#narrow] found infinities or NaN.
    int NOT_FINITE = 4;

    /// Splits `count` values, a multiple of [#STEP], and writes the pairs of each part at its own place.
    ///
    /// @param target outside the heap
    /// @param high where the `2 · count` bytes of the first part begin in `target`
    /// @param mid where those of the second part begin
    /// @param low where those of the third part begin
    void split(float[] x, int at, int count, MemorySegment target, long high, long mid, long low);

    /// Sets `c = ((low + mid) + high) · scale`, or adds that to `c`, in float32, elementwise.
    ///
    /// @param parts float32 values outside the heap
    /// @param high where, in bytes, the products with the first part begin
    /// @param mid where those with the second part begin
    /// @param low where those with the third part begin
    /// @param scales one multiplier for each element, from `scalesAt` on; empty for none
    void join(
            MemorySegment parts,
            long high,
            long mid,
            long low,
            int count,
            float[] scales,
            int scalesAt,
            Update update,
            float[] c,
            int at);

    /// Narrows a panel `(depth, WIDTH)` of float32 values, `depth` a multiple of [#STEP], to pairs of bf16 values,
    /// `(depth / 2, WIDTH)`: the two of a pair are of one column.
    ///
    /// @return 0, or which of [#LONGER], [#SUBNORMAL], [#NOT_FINITE] were found: `pairs` is then of no use
    int narrow(float[] panel, int at, int depth, int[] pairs);

    /// The plain loops.
    record Plain() implements Bf16Split {

        @Override
        public void split(float[] x, int at, int count, MemorySegment target, long high, long mid, long low) {
            for (int i = 0; i < count; i++) {
                long pair = (long) (i / STEP * HALF + i % HALF) * Integer.BYTES;
                long half = pair + (i % STEP < HALF ? 0 : Short.BYTES);
                float value = x[at + i];
                float first = kept(value);
                float rest = Float.isInfinite(value) ? 0 : value - first;
                float second = kept(rest);
                float third = rest - second;
                target.set(ValueLayout.JAVA_SHORT, high + half, upper(first));
                target.set(ValueLayout.JAVA_SHORT, mid + half, upper(second));
                target.set(ValueLayout.JAVA_SHORT, low + half, upper(third));
            }
        }

        private static float kept(float x) {
            return Float.intBitsToFloat(Float.floatToRawIntBits(x) & KEPT);
        }

        private static short upper(float x) {
            return (short) (Float.floatToRawIntBits(x) >>> Short.SIZE);
        }

        @Override
        public void join(
                MemorySegment parts,
                long high,
                long mid,
                long low,
                int count,
                float[] scales,
                int scalesAt,
                Update update,
                float[] c,
                int at) {
            for (int i = 0; i < count; i++) {
                long element = (long) i * Float.BYTES;
                float sum = parts.get(ValueLayout.JAVA_FLOAT, low + element)
                        + parts.get(ValueLayout.JAVA_FLOAT, mid + element);
                sum += parts.get(ValueLayout.JAVA_FLOAT, high + element);
                if (scales.length > 0) {
                    sum *= scales[scalesAt + i];
                }
                c[at + i] = switch (update) {
                    case SET -> sum;
                    case ADD -> c[at + i] + sum;
                };
            }
        }

        @Override
        public int narrow(float[] panel, int at, int depth, int[] pairs) {
            int found = 0;
            for (int k = 0; k < depth; k++) {
                int pair = (k / STEP * HALF + k % HALF) * WIDTH;
                for (int column = 0; column < WIDTH; column++) {
                    int bits = Float.floatToRawIntBits(panel[at + k * WIDTH + column]);
                    found |= fault(bits);
                    if (k % STEP < HALF) {
                        pairs[pair + column] = bits >>> Short.SIZE;
                    } else {
                        pairs[pair + column] |= bits & KEPT;
                    }
                }
            }
            return found;
        }

        private static int fault(int bits) {
            int magnitude = bits & MAGNITUDE;
            if (magnitude >= INFINITY) {
                return NOT_FINITE;
            }
            if (magnitude > 0 && magnitude < SMALLEST_NORMAL) {
                return SUBNORMAL;
            }
            return (bits & ~KEPT) == 0 ? 0 : LONGER;
        }
    }
}
