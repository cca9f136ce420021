package io.github.steelyard.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.Values;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// How exact the product of three parts is, beside oneDNN's float32 product on the same values.
final class Bf16x3AccuracyTest {

    private static final int M = 48;
    private static final int N = 192;
    private static final int K = 1024;
    private static final int OUTLIERS = 100; // one in so many

    private final Workspace workspace = new Workspace();
    private final Gemm gemm = Gemm.select("onednn-bf16x3");
    private final Gemm float32 = Gemm.select("onednn");

    @BeforeEach
    void requireLibrary() {
        Assumptions.assumeTrue(gemm.name().startsWith("onednn-bf16x3-"), gemm.reason());
    }

    @Test
    void normalValues_areAtLeastAsExactAsInFloat32() {
        Matrix a = Matrix.dense(Values.normal(1, M * K), M, K);
        beatsFloat32(a, 1, 0);
    }

    // Sums of a few large terms: without tiles the parts are added one pair after the other, as in float32, so that the
    // errors are alike; tiles add up 16 pairs before.
    @Test
    void outliers_areAtLeastAsExactAsInFloat32() {
        Matrix a = Matrix.dense(Values.normal(2, M * K), M, K);
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < M * K; i++) {
            a.values()[i] *= random.nextInt(OUTLIERS) == 0 ? 1e4f : 1;
        }
        beatsFloat32(a, gemm.reason().contains("amx") ? 1 : 1.1, 0);
    }

    // Parts, products and sums below 2^-126 are taken for zero; weights here are about 1, two parts of each value may
    // go.
    @Test
    void rowsOfSmallValues_areAsExactAsTheBoundAllows() {
        for (float size : new float[] {1e-30f, 1e-33f, 1e-36f, 1e-39f}) {
            Matrix a = Matrix.dense(Values.normal(4, M * K), M, K);
            for (int i = 0; i < M * K; i++) {
                a.values()[i] *= size;
            }
            beatsFloat32(a, 1, size >= 1e-30f ? 0 : 4.0 * K * 0x1p-126);
        }
    }

    @Test
    void zeros_giveZeros() {
        Matrix c = product(gemm, Matrix.dense(new float[M * K], M, K), weight());
        assertThat(c.values()).containsOnly(0f);
    }

    // A weight of ones on the diagonal gives back what went in: all three parts arrive.
    @Test
    void identity_givesBackEveryBit() {
        float[] x = new float[M * N];
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < x.length; i++) {
            do {
                x[i] = Float.intBitsToFloat(random.nextInt());
            } while (!(Math.abs(x[i]) >= 1e-30f && Float.isFinite(x[i])));
        }
        Matrix identity = Matrix.dense(new float[N * N], N, N);
        for (int i = 0; i < N; i++) {
            identity.values()[i * N + i] = 1;
        }
        assertThat(product(gemm, Matrix.dense(x, M, N), identity).values()).isEqualTo(x);
    }

    @Test
    void infinitiesAndNan_reachTheSameElementsAsInFloat32() {
        Matrix a = Matrix.dense(Values.normal(6, M * K), M, K);
        a.values()[5 * K + 700] = Float.POSITIVE_INFINITY;
        a.values()[9 * K + 1] = Float.NaN;
        a.values()[9 * K + 2] = Float.NEGATIVE_INFINITY;
        a.values()[11 * K] = Float.intBitsToFloat(0xff80_0001);
        float[] before = a.values().clone();
        Matrix found = product(gemm, a, weight());
        Matrix wanted = product(float32, a, weight());
        for (int i = 0; i < M * N; i++) {
            assertThat(Float.isFinite(found.values()[i])).isEqualTo(Float.isFinite(wanted.values()[i]));
        }
        assertThat(Kernels.reference().countNonFinite(found.values(), 5 * N, N)).isEqualTo(N);
        // What statistics are taken of is not touched.
        assertThat(a.values()).isEqualTo(before);
    }

    // The specification: each part times the weight, summed in float64; what the library adds is the rounding of sums.
    @Test
    void product_isThatOfTheParts() {
        Matrix a = Matrix.dense(Values.normal(7, M * K), M, K);
        Matrix w = weight();
        float[][] parts = Bf16SplitTest.parts(new Bf16Split.Plain(), a.values());
        Matrix found = product(gemm, a, w);
        for (int row = 0; row < M; row++) {
            for (int column = 0; column < N; column++) {
                float[] sums = new float[3];
                double magnitude = 0;
                for (int part = 0; part < 3; part++) {
                    double sum = 0;
                    for (int i = 0; i < K; i++) {
                        double product = (double) parts[part][row * K + i] * w.values()[column * K + i];
                        sum += product;
                        magnitude += Math.abs(product);
                    }
                    sums[part] = (float) sum;
                }
                double wanted = (double) (sums[2] + sums[1]) + sums[0];
                double bound = Math.sqrt(K) * 0x1p-24 * magnitude;
                assertThat(Math.abs(found.values()[row * N + column] - wanted)).isLessThanOrEqualTo(bound);
            }
        }
    }

    private void beatsFloat32(Matrix a, double factor, double slack) {
        Matrix w = weight();
        double[] found = errors(a, w, product(gemm, a, w));
        double[] other = errors(a, w, product(float32, a, w));
        assertThat(found[0]).as("root mean square").isLessThanOrEqualTo(factor * other[0] + slack);
        assertThat(found[1]).as("largest").isLessThanOrEqualTo(1.25 * factor * other[1] + slack);
    }

    // Root mean square and largest of the errors against float64.
    private static double[] errors(Matrix a, Matrix w, Matrix c) {
        double squares = 0;
        double largest = 0;
        for (int row = 0; row < M; row++) {
            for (int column = 0; column < N; column++) {
                double wanted = 0;
                for (int i = 0; i < K; i++) {
                    wanted += (double) a.values()[row * K + i] * w.values()[column * K + i];
                }
                double error = Math.abs(c.values()[row * N + column] - wanted);
                squares += error * error;
                largest = Math.max(largest, error);
            }
        }
        return new double[] {Math.sqrt(squares / (M * N)), largest};
    }

    private static Matrix weight() {
        float[] values = Values.normal(8, N * K);
        for (int i = 0; i < values.length; i++) {
            values[i] = Bf16Values.rounded(values[i]);
        }
        return Matrix.dense(values, N, K);
    }

    private Matrix product(Gemm by, Matrix a, Matrix w) {
        PackedWeight packed = new PackedWeight();
        PlainWeight stored = PlainWeight.ofFloats(w.values(), w.rows(), w.columns());
        by.pack(List.of(stored), Kernels.fastest(), RowListener.NONE, packed, workspace);
        Matrix c = Matrix.dense(new float[a.rows() * w.rows()], a.rows(), w.rows());
        by.multiplyPacked(a, packed.all(), Update.SET, c, workspace);
        return c;
    }
}
