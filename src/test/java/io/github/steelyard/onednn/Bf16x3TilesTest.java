package io.github.steelyard.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Values;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// How exact the product of three parts is in matrix tiles (AMX), on any machine: the arithmetic of `TDPBF16PS`, from
/// which an Emerald Rapids differed in none of 2 million elements.
///
/// Of each 32 inputs it sums the products of first halves of pairs and those of second halves, each a chain of fused
/// multiply-adds from zero, adds the two, and adds that to the element. Every step rounds to nearest, ties to even;
/// subnormal operands and results are zero.
final class Bf16x3TilesTest {

    private static final int M = 24;
    private static final int N = 48;
    private static final int K = 1024;
    private static final Bf16Split SPLIT = new Bf16Split.Plain();

    @Test
    void normalValues_areMoreExactThanInFloat32() {
        float[] x = Values.normal(1, M * K);
        Errors errors = Errors.of(x);
        assertThat(errors.parts).isLessThan(0.5 * errors.float32);
    }

    @Test
    void outliers_areMoreExactThanInFloat32() {
        for (int oneIn : new int[] {30, 100, 300, 1000}) {
            float[] x = Values.normal(2, M * K);
            SplittableRandom random = new SplittableRandom(oneIn);
            for (int i = 0; i < x.length; i++) {
                x[i] *= random.nextInt(oneIn) == 0 ? 1e4f : 1;
            }
            Errors errors = Errors.of(x);
            assertThat(errors.parts).as("one in %d", oneIn).isLessThan(errors.float32);
        }
    }

    // Values above 1e-30 keep all three parts; below, at most the two low ones and what was subnormal before are lost.
    @Test
    void smallValues_loseWhatIsBelowTheSmallestNormalNumber() {
        for (float size : new float[] {1e-29f, 1e-33f, 1e-36f, 1e-39f}) {
            float[] x = Values.normal(3, M * K);
            for (int i = 0; i < x.length; i++) {
                x[i] = Math.copySign(Math.max(Math.abs(x[i]), 0.1f), x[i]) * size;
            }
            Errors errors = Errors.of(x);
            double slack = size == 1e-29f ? 0 : 4.0 * K * 0x1p-126;
            assertThat(errors.parts).as("size %s", size).isLessThanOrEqualTo(errors.float32 + slack);
        }
    }

    // One weight in each row: whatever is above 1e-30 comes back bit for bit, so that no amax above it changes.
    @Test
    void singleWeight_givesBackEveryBitAbove1em30() {
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 1 << 14; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            if (Math.abs(value) >= 1e-30f && Float.isFinite(value)) {
                float[] x = new float[32];
                float[] w = new float[32];
                x[i % 32] = value;
                w[i % 32] = 1;
                assertThat(product(Bf16SplitTest.parts(SPLIT, x), w, 0, 0, 32)).isEqualTo(value);
            }
        }
    }

    /// Root mean square errors against float64.
    ///
    /// @param parts of the product of three parts in tiles
    /// @param float32 of one chain of fused multiply-adds in float32
    private record Errors(double parts, double float32) {

        static Errors of(float[] x) {
            float[] w = Values.normal(5, N * K);
            for (int i = 0; i < w.length; i++) {
                w[i] = Bf16Values.rounded(w[i]);
            }
            float[][] parts = Bf16SplitTest.parts(SPLIT, x);
            double ours = 0;
            double plain = 0;
            for (int row = 0; row < M; row++) {
                for (int column = 0; column < N; column++) {
                    double wanted = 0;
                    float chain = 0;
                    for (int i = 0; i < K; i++) {
                        wanted += (double) x[row * K + i] * w[column * K + i];
                        chain = Math.fma(x[row * K + i], w[column * K + i], chain);
                    }
                    double error = product(parts, w, row * K, column * K, K) - wanted;
                    ours += error * error;
                    plain += (chain - wanted) * (chain - wanted);
                }
            }
            return new Errors(Math.sqrt(ours / (M * N)), Math.sqrt(plain / (M * N)));
        }
    }

    private static float product(float[][] parts, float[] w, int x, int y, int k) {
        float high = tiles(parts[0], w, x, y, k);
        float mid = tiles(parts[1], w, x, y, k);
        float low = tiles(parts[2], w, x, y, k);
        return (low + mid) + high;
    }

    private static float tiles(float[] part, float[] w, int x, int y, int k) {
        float c = 0;
        for (int step = 0; step < k; step += Bf16Split.STEP) {
            float first = 0;
            float second = 0;
            for (int j = step; j < step + Bf16Split.HALF; j++) {
                first = flushed(Math.fma(flushed(part[x + j]), flushed(w[y + j]), first));
                int pair = j + Bf16Split.HALF;
                second = flushed(Math.fma(flushed(part[x + pair]), flushed(w[y + pair]), second));
            }
            c = flushed(c + flushed(first + second));
        }
        return c;
    }

    private static float flushed(float x) {
        return Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
    }
}
