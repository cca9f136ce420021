package io.github.steelyard.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Values;
import io.github.steelyard.matrix.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The split into three bf16 values, the plain loops and those of the Vector API.
final class Bf16SplitTest {

    private static final Bf16Split PLAIN = new Bf16Split.Plain();
    private static final Bf16Split VECTOR = new VectorSplit();
    private static final int COUNT = 1 << 16;

    // The third part keeps its bits down to 2^-126 if the value is at least 2^23 times that.
    private static final float NO_PART_IS_SUBNORMAL = 0x1p-103f;

    @Test
    void split_anyFiniteValue_isTheSumOfItsParts() {
        float[] x = anyBits(1);
        float[][] parts = parts(PLAIN, x);
        for (int i = 0; i < COUNT; i++) {
            if (Float.isFinite(x[i]) && (x[i] == 0 || Math.abs(x[i]) >= NO_PART_IS_SUBNORMAL)) {
                float sum = (parts[2][i] + parts[1][i]) + parts[0][i];
                assertThat(sum).as("value %a", x[i]).isEqualTo(x[i] + 0f);
                assertThat((double) parts[0][i] + parts[1][i] + parts[2][i]).isEqualTo(x[i]);
            }
        }
    }

    // What a processor that takes subnormal parts for zero can lose.
    @Test
    void split_smallValues_loseLessThanTheSmallestNormalNumbers() {
        float[] x = anyBits(2);
        for (int i = 0; i < COUNT; i++) {
            x[i] = Math.scalb(1 + (i & 0xffff) * 0x1p-16f + 0x1p-23f, -149 + i % 50) * ((i & 64) == 0 ? 1 : -1);
        }
        float[][] parts = parts(PLAIN, x);
        for (int i = 0; i < COUNT; i++) {
            double sum = 0;
            for (float[] part : parts) {
                sum += Math.abs(part[i]) < Float.MIN_NORMAL ? 0 : part[i];
            }
            assertThat(Math.abs(sum - x[i])).as("value %a", x[i]).isLessThanOrEqualTo(0x1p-125);
        }
    }

    @Test
    void split_infinitiesAndNan_areSeenInTheParts() {
        float[] x = new float[COUNT];
        float[] specials = {
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.NaN,
            Float.intBitsToFloat(0x7f80_0001),
            Float.MAX_VALUE
        };
        for (int i = 0; i < COUNT; i++) {
            x[i] = specials[i % specials.length];
        }
        for (Bf16Split split : new Bf16Split[] {PLAIN, VECTOR}) {
            float[][] parts = parts(split, x);
            for (int i = 0; i < specials.length; i++) {
                float sum = (parts[2][i] + parts[1][i]) + parts[0][i];
                assertThat(Float.valueOf(sum)).isEqualTo(Float.valueOf(specials[i]));
            }
            assertThat(parts[1][0]).isZero();
            assertThat(parts[2][1]).isZero();
        }
    }

    @Test
    void split_vectors_giveTheBitsOfThePlainLoops() {
        float[] x = anyBits(3);
        float[][] wanted = parts(PLAIN, x);
        float[][] found = parts(VECTOR, x);
        for (int part = 0; part < 3; part++) {
            assertThat(found[part]).isEqualTo(wanted[part]);
        }
    }

    // Pairs are j and j + 16 of each 32: both sides of the product have to agree on it.
    @Test
    void split_pairsLieSixteenApart() {
        float[] x = new float[64];
        for (int i = 0; i < 64; i++) {
            x[i] = i;
        }
        for (Bf16Split split : new Bf16Split[] {PLAIN, VECTOR}) {
            MemorySegment target = Arena.ofAuto().allocate(3 * 128, 64);
            split.split(x, 0, 64, target, 0, 128, 256);
            int[] order = new int[64];
            for (int i = 0; i < 64; i++) {
                order[i] = (int) bf16(target.getAtIndex(ValueLayout.JAVA_SHORT, i));
            }
            assertThat(Arrays.copyOf(order, 6)).containsExactly(0, 16, 1, 17, 2, 18);
            assertThat(Arrays.copyOfRange(order, 30, 34)).containsExactly(15, 31, 32, 48);
        }
    }

    @Test
    void join_addsTheSmallPartsFirstThenScales() {
        for (int count : new int[] {1, 15, 16, 37, 64}) {
            MemorySegment parts = Arena.ofAuto().allocate(12L * count + 64, 64);
            float[] values = Values.normal(count, 3 * count);
            MemorySegment.copy(values, 0, parts, ValueLayout.JAVA_FLOAT, 0, values.length);
            float[] scales = Values.normal(7, count + 3);
            for (Update update : Update.values()) {
                for (float[] used : new float[][] {{}, scales}) {
                    float[] old = Values.normal(9, count + 5);
                    for (Bf16Split split : new Bf16Split[] {PLAIN, VECTOR}) {
                        float[] c = old.clone();
                        split.join(parts, 0, 4L * count, 8L * count, count, used, 3, update, c, 2);
                        for (int i = 0; i < count; i++) {
                            float sum = (values[2 * count + i] + values[count + i]) + values[i];
                            sum *= used.length == 0 ? 1 : scales[3 + i];
                            assertThat(c[2 + i]).isEqualTo(update == Update.SET ? sum : old[2 + i] + sum);
                        }
                        assertThat(c[1]).isEqualTo(old[1]);
                        assertThat(c[2 + count]).isEqualTo(old[2 + count]);
                    }
                }
            }
        }
    }

    @Test
    void narrow_tellsWhatIsNotBf16() {
        for (Bf16Split split : new Bf16Split[] {PLAIN, VECTOR}) {
            assertThat(narrow(split, 1.5f)).isZero();
            assertThat(narrow(split, -0f)).isZero();
            assertThat(narrow(split, Float.MIN_NORMAL)).isZero();
            assertThat(narrow(split, 1 + 0x1p-8f)).isEqualTo(Bf16Split.LONGER);
            assertThat(narrow(split, 0x1p-127f)).isEqualTo(Bf16Split.SUBNORMAL);
            assertThat(narrow(split, -0x1p-133f)).isEqualTo(Bf16Split.SUBNORMAL);
            assertThat(narrow(split, Float.NEGATIVE_INFINITY)).isEqualTo(Bf16Split.NOT_FINITE);
            assertThat(narrow(split, Float.NaN)).isEqualTo(Bf16Split.NOT_FINITE);
        }
    }

    private static int narrow(Bf16Split split, float one) {
        int found = -1;
        for (int place : new int[] {0, 17, 1023, 1024, 4095}) {
            float[] panel = Values.normal(4, 4 + 64 * 64);
            for (int i = 0; i < panel.length; i++) {
                panel[i] = Bf16Values.rounded(panel[i]);
            }
            panel[4 + place] = one;
            int[] pairs = new int[64 * 32];
            int faults = split.narrow(panel, 4, 64, pairs);
            assertThat(found == -1 || found == faults).isTrue();
            found = faults;
            for (int k = 0; k < 64 && faults == 0; k++) {
                for (int column = 0; column < 64; column++) {
                    int pair = pairs[(k / 32 * 16 + k % 16) * 64 + column];
                    short half = (short) (k % 32 < 16 ? pair : pair >>> 16);
                    assertThat(bf16(half)).isEqualTo(panel[4 + k * 64 + column]);
                }
            }
        }
        return found;
    }

    /// Returns the three parts of each value, in order.
    static float[][] parts(Bf16Split split, float[] x) {
        int count = x.length;
        MemorySegment target = Arena.ofAuto().allocate(6L * count, 64);
        split.split(x, 0, count, target, 0, 2L * count, 4L * count);
        float[][] parts = new float[3][count];
        for (int part = 0; part < 3; part++) {
            for (int i = 0; i < count; i++) {
                int at = part * count + i / 32 * 32 + i % 16 * 2 + i % 32 / 16;
                parts[part][i] = bf16(target.getAtIndex(ValueLayout.JAVA_SHORT, at));
            }
        }
        return parts;
    }

    private static float bf16(short code) {
        return Float.intBitsToFloat(code << 16);
    }

    private static float[] anyBits(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] x = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            x[i] = Float.intBitsToFloat(random.nextInt());
        }
        return x;
    }
}
