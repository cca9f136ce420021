package io.github.steelyard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.function.Consumer;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/// What every implementation of [Kernels] promises. Expected values are computed here in float64 or by hand.
abstract class KernelsContract {

    abstract Kernels kernels();

    @Test
    void absMax_nonFinite_outranksFinite() {
        assertThat(kernels().absMax(new float[] {1, -3, 2}, 0, 3)).isEqualTo(3);
        assertThat(kernels().absMax(new float[] {1, Float.NEGATIVE_INFINITY, 2}, 0, 3))
                .isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(kernels().absMax(new float[] {Float.POSITIVE_INFINITY, Float.NaN, 2}, 0, 3))
                .isNaN();
        assertThat(kernels().absMax(new float[] {5}, 0, 0)).isZero();
        assertThat(kernels().absMax(new float[] {-Float.MIN_VALUE}, 0, 1)).isEqualTo(Float.MIN_VALUE);
    }

    @Test
    void absMax_largestAtEachPosition_isFound() {
        for (int length : Values.LENGTHS) {
            for (int at = 0; at < length; at += Math.max(1, length / 37)) {
                float[] x = Values.normal(length, length);
                x[at] = -100;
                assertThat(kernels().absMax(Values.at(3, x), 3, length)).isEqualTo(100);
                assertThat(kernels().absMaxFinite(Values.at(3, x), 3, length)).isEqualTo(100);
            }
        }
    }

    @Test
    void absMaxFinite_nonFinite_isSkipped() {
        float[] x = {1, Float.NaN, -3, Float.NEGATIVE_INFINITY};
        assertThat(kernels().absMaxFinite(x, 0, 4)).isEqualTo(3);
        assertThat(kernels().absMaxFinite(x, 1, 1)).isZero();
    }

    @Test
    void countNonFinite_mixed_countsNanAndInfinities() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.nonFinite(length, length);
            long wanted = 0;
            for (float value : x) {
                wanted += Float.isNaN(value) || Float.isInfinite(value) ? 1 : 0;
            }
            assertThat(kernels().countNonFinite(Values.at(2, x), 2, length)).isEqualTo(wanted);
        }
    }

    @Test
    void absMaxColumns_rows_raisesEachColumn() {
        int columns = 19;
        float[] x = Values.normal(1, 5 * columns);
        x[3 * columns + 18] = Float.NaN;
        float[] amax = new float[columns + 1];
        amax[1] = 50;
        kernels().absMaxColumns(x, 0, 5, columns, amax, 1);
        for (int j = 0; j < columns - 1; j++) {
            float wanted = j == 0 ? 50 : 0;
            for (int row = 0; row < 5; row++) {
                wanted = Math.max(wanted, Math.abs(x[row * columns + j]));
            }
            assertThat(amax[1 + j]).as("column %d", j).isEqualTo(wanted);
        }
        assertThat(amax[19]).isNaN();
    }

    @Test
    void transpose_oddExtents_movesEveryElement() {
        for (int[] extents : new int[][] {{1, 1}, {3, 20}, {8, 8}, {17, 9}, {64, 33}, {15, 64}}) {
            int rows = extents[0];
            int columns = extents[1];
            int ldx = columns + 3;
            int ldy = rows + 2;
            float[] x = Values.normal(7, rows * ldx);
            float[] y = new float[columns * ldy + 5];
            kernels().transpose(x, 0, ldx, rows, columns, y, 5, ldy);
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    assertThat(y[5 + column * ldy + row]).isEqualTo(x[row * ldx + column]);
                }
            }
        }
    }

    @Test
    void add_andItsKin_workElementwise() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.mixed(length, length);
            float[] y = Values.mixed(length + 1, length);
            float[] sum = Values.at(5, y);
            kernels().add(Values.at(2, x), 2, sum, 5, length);
            float[] scaledSum = Values.at(5, y);
            kernels().addScaled(0.3f, Values.at(2, x), 2, scaledSum, 5, length);
            float[] scaled = Values.at(5, y);
            kernels().scale(0.7f, scaled, 5, length);
            float[] product = Values.at(5, y);
            kernels().multiply(Values.at(2, x), 2, product, 5, length);
            sum = Values.from(5, sum, length);
            scaledSum = Values.from(5, scaledSum, length);
            scaled = Values.from(5, scaled, length);
            product = Values.from(5, product, length);
            for (int i = 0; i < length; i++) {
                assertThat(sum[i]).isEqualTo(x[i] + y[i]);
                assertThat(scaledSum[i]).isEqualTo(Math.fma(0.3f, x[i], y[i]));
                assertThat(scaled[i]).isEqualTo(y[i] * 0.7f);
                assertThat(product[i]).isEqualTo(x[i] * y[i]);
            }
        }
    }

    @Test
    void addBias_stridedRows_addsToEach() {
        float[] y = new float[10];
        kernels().addBias(new float[] {9, 1, 2, 3}, 1, y, 1, 2, 3, 5);
        assertThat(y).containsExactly(0, 1, 2, 3, 0, 0, 1, 2, 3, 0);
    }

    @Test
    void dot_allLengths_isWithinTheBound() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.normal(length, length);
            float[] y = Values.normal(length + 9, length);
            double wanted = 0;
            double magnitude = 0;
            for (int i = 0; i < length; i++) {
                wanted += (double) x[i] * y[i];
                magnitude += Math.abs((double) x[i] * y[i]);
            }
            double bound = (4 + length / 16.0) * 0x1p-24 * magnitude;
            float found = kernels().dot(Values.at(1, x), 1, Values.at(4, y), 4, length);
            assertThat(Math.abs(found - wanted)).as("length %d", length).isLessThanOrEqualTo(bound);
            double squares = 0;
            for (float value : x) {
                squares += (double) value * value;
            }
            assertThat(Math.abs(kernels().sumOfSquares(Values.at(1, x), 1, length) - squares))
                    .isLessThanOrEqualTo((4 + length / 16.0) * 0x1p-24 * squares);
        }
    }

    @Test
    void rmsNorm_eachKindOfWeight_isWithinTheBound() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.normal(length, length);
            float[] w = Values.normal(length + 1, length);
            double squares = 0;
            for (float value : x) {
                squares += (double) value * value;
            }
            double factor = 1 / Math.sqrt(squares / Math.max(1, length) + 1e-6f);
            for (float[] weight : new float[][] {new float[0], w}) {
                for (float weightOffset : new float[] {0, 1}) {
                    float[] y = Values.at(2, new float[length]);
                    kernels().rmsNorm(Values.at(3, x), 3, weight, weightOffset, 1e-6f, y, 2, length);
                    float[] found = Values.from(2, y, length);
                    for (int i = 0; i < length; i++) {
                        double wanted = x[i] * factor * (weight.length == 0 ? 1 : (double) weightOffset + weight[i]);
                        assertThat((double) found[i]).isCloseTo(wanted, within(wanted, (8 + length / 64.0) * 0x1p-24));
                    }
                }
            }
        }
    }

    @Test
    void softmax_masked_isWithinTheBound() {
        for (int length : Values.LENGTHS) {
            if (length == 0) {
                continue;
            }
            float[] x = Values.normal(length, length);
            for (int i = 1; i < length; i += 4) {
                x[i] = Float.NEGATIVE_INFINITY;
            }
            for (float sink : new float[] {Float.NEGATIVE_INFINITY, 3}) {
                float factor = sink == 3 ? 0.25f : 1; // a power of two: the products are exact
                double sum = sink == 3 ? Math.exp(3) : 0;
                for (float value : x) {
                    sum += Math.exp(factor * value);
                }
                float[] y = Values.at(3, x);
                kernels().softmax(factor, y, 3, length, sink);
                float[] found = Values.from(3, y, length);
                for (int i = 0; i < length; i++) {
                    double wanted = Math.exp(factor * x[i]) / sum;
                    assertThat((double) found[i]).isCloseTo(wanted, within(wanted, (12 + length / 64.0) * 0x1p-24));
                }
            }
        }
    }

    @Test
    void softmax_hugeLogits_doesNotOverflow() {
        float[] x = {1e30f, 1e30f, -1e30f};
        kernels().softmax(1, x, 0, 3, Float.NEGATIVE_INFINITY);
        assertThat(x).containsExactly(0.5f, 0.5f, 0);
    }

    @Test
    void activations_ordinaryValues_followTheirFormulas() {
        float[] x = Values.normal(3, 100);
        float[] u = Values.normal(4, 100);
        for (int i = 0; i < 100; i++) {
            double g = 9 * x[i];
            x[i] = (float) g;
            double sigmoid = 1 / (1 + Math.exp(-(double) x[i]));
            int at = i;
            assertThat(one(x[at], v -> kernels().exp(v, 0, 1))).isCloseTo(Math.exp(x[at]), relative(Math.exp(x[at])));
            assertThat(one(x[at], v -> kernels().sigmoid(v, 0, 1))).isCloseTo(sigmoid, relative(sigmoid));
            assertThat(one(x[at], v -> kernels().silu(v, 0, 1))).isCloseTo(x[at] * sigmoid, relative(x[at] * sigmoid));
            assertThat(one(x[at], v -> kernels().siluMultiply(v, 0, u, at, v, 0, 1)))
                    .isCloseTo(x[at] * sigmoid * u[at], relative(x[at] * sigmoid * u[at]));
            double softplus = x[at] > 20 ? x[at] : Math.log1p(Math.exp(x[at]));
            assertThat(one(x[at], v -> kernels().softplus(v, 0, 1))).isCloseTo(softplus, relative(softplus));
            double positive = Math.max(x[at], 0);
            assertThat(one(x[at], v -> kernels().relu2(v, 0, 1)))
                    .isCloseTo(positive * positive, relative(positive * positive));
            double gate = Math.min(x[at], 7);
            double up = Math.clamp(10 * u[at], -7, 7);
            double swiglu = (up + 1) * gate / (1 + Math.exp(-1.702 * gate));
            float[] tenU = {10 * u[at]};
            assertThat(one(x[at], v -> kernels().clampedSwiglu(v, 0, tenU, 0, 7, 1.702f, v, 0, 1)))
                    .isCloseTo(swiglu, within(swiglu, (8 + 1.702 * Math.abs(gate)) * 0x1p-24));
        }
    }

    @Test
    void activations_anyLength_doNotDependOnThePosition() {
        float[] x = Values.mixed(11, 300);
        for (Operation operation : Operation.values()) {
            float[] whole = x.clone();
            operation.apply(kernels(), whole, 0, whole.length);
            for (int length : new int[] {1, 3, 7, 9, 16, 17, 33}) {
                for (int from = 0; from + length <= 300; from += 13) {
                    float[] part = Values.at(from % 5, Arrays.copyOfRange(x, from, from + length));
                    operation.apply(kernels(), part, from % 5, length);
                    assertThat(Values.from(from % 5, part, length))
                            .as("%s of %d elements from %d", operation, length, from)
                            .containsExactly(Arrays.copyOfRange(whole, from, from + length));
                }
            }
        }
    }

    @Test
    void rotate_bothLayouts_turnThePairs() {
        for (int half : new int[] {1, 5, 8, 16, 32, 37, 64}) {
            float[] cos = new float[half + 2];
            float[] sin = new float[half + 2];
            for (int i = 0; i < half; i++) {
                cos[i + 2] = (float) Math.cos(0.3 * i);
                sin[i + 2] = (float) Math.sin(0.3 * i);
            }
            float[] x = Values.normal(half, 2 * half);
            float[] halves = Values.at(3, x);
            kernels().rotateHalf(halves, 3, cos, sin, 2, half);
            halves = Values.from(3, halves, 2 * half);
            float[] pairs = Values.at(3, x);
            kernels().rotateInterleaved(pairs, 3, cos, sin, 2, half);
            pairs = Values.from(3, pairs, 2 * half);
            for (int i = 0; i < half; i++) {
                float c = cos[i + 2];
                float s = sin[i + 2];
                assertThat(halves[i]).isEqualTo(x[i] * c - x[i + half] * s);
                assertThat(halves[i + half]).isEqualTo(x[i + half] * c + x[i] * s);
                assertThat(pairs[2 * i]).isEqualTo(x[2 * i] * c - x[2 * i + 1] * s);
                assertThat(pairs[2 * i + 1]).isEqualTo(x[2 * i + 1] * c + x[2 * i] * s);
            }
        }
    }

    /// The unary elementwise operations.
    enum Operation {
        EXP,
        SIGMOID,
        SILU,
        SILU_MULTIPLY,
        CLAMPED_SWIGLU,
        RELU2,
        SOFTPLUS,
        SCALE;

        void apply(Kernels kernels, float[] x, int offset, int length) {
            switch (this) {
                case EXP -> kernels.exp(x, offset, length);
                case SIGMOID -> kernels.sigmoid(x, offset, length);
                case SILU -> kernels.silu(x, offset, length);
                case SILU_MULTIPLY -> kernels.siluMultiply(x, offset, x, offset, x, offset, length);
                case CLAMPED_SWIGLU -> kernels.clampedSwiglu(x, offset, x, offset, 7, 1.702f, x, offset, length);
                case RELU2 -> kernels.relu2(x, offset, length);
                case SOFTPLUS -> kernels.softplus(x, offset, length);
                case SCALE -> kernels.scale(0.1f, x, offset, length);
            }
        }
    }

    private static double one(float x, Consumer<float[]> operation) {
        float[] v = {x};
        operation.accept(v);
        return v[0];
    }

    private static Offset<Double> relative(double wanted) {
        return within(wanted, 8 * 0x1p-24);
    }

    private static Offset<Double> within(double wanted, double relative) {
        return Offset.offset(Math.abs(wanted) * relative + Float.MIN_VALUE);
    }
}
