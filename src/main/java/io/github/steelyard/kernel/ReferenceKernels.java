package io.github.steelyard.kernel;

import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.StoredWeight;

/// The specification of [Kernels]: plain loops, sums in float64, never unrolled.
public record ReferenceKernels(String reason) implements Kernels {

    private static final int MAGNITUDE = 0x7fff_ffff;
    private static final int INFINITY_BITS = 0x7f80_0000;

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public void decode(StoredWeight weight, int fromRow, int toRow, float[] target, int offset) {
        weight.decodeRows(fromRow, toRow, target, offset);
    }

    @Override
    public void transpose(float[] x, int xOffset, int ldx, int rows, int columns, float[] y, int yOffset, int ldy) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                y[yOffset + column * ldy + row] = x[xOffset + row * ldx + column];
            }
        }
    }

    // As integers the magnitudes of all floats are ordered: finite < infinity < NaN.
    @Override
    public float absMax(float[] x, int offset, int length) {
        int max = 0;
        for (int i = offset; i < offset + length; i++) {
            max = Math.max(max, Float.floatToRawIntBits(x[i]) & MAGNITUDE);
        }
        return Float.intBitsToFloat(max);
    }

    @Override
    public float absMaxFinite(float[] x, int offset, int length) {
        int max = 0;
        for (int i = offset; i < offset + length; i++) {
            int magnitude = Float.floatToRawIntBits(x[i]) & MAGNITUDE;
            max = Math.max(max, magnitude < INFINITY_BITS ? magnitude : 0);
        }
        return Float.intBitsToFloat(max);
    }

    @Override
    public void absMaxColumns(float[] x, int offset, int rows, int columns, float[] amax, int amaxOffset) {
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < columns; j++) {
                int magnitude = Float.floatToRawIntBits(x[offset + row * columns + j]) & MAGNITUDE;
                int old = Float.floatToRawIntBits(amax[amaxOffset + j]);
                amax[amaxOffset + j] = Float.intBitsToFloat(Math.max(old, magnitude));
            }
        }
    }

    @Override
    public long countNonFinite(float[] x, int offset, int length) {
        long count = 0;
        for (int i = offset; i < offset + length; i++) {
            count += Float.isFinite(x[i]) ? 0 : 1;
        }
        return count;
    }

    @Override
    public void fp4Errors(float[] x, int offset, int blocks, float[] scales, float[] errors) {
        for (int i = 0; i < blocks; i++) {
            errors[i] = fp4Error(x, offset + i, blocks, scales[i]);
        }
    }

    static float fp4Error(float[] x, int offset, int stride, float scale) {
        float sum = 0;
        for (int e = 0; e < 8; e++) {
            sum += fp4Square(x[offset + e * stride], scale) + fp4Square(x[offset + (e + 8) * stride], scale);
        }
        return sum;
    }

    @Override
    public void fp4Residuals(float[] x, int offset, int elements, int blocks, float[] scales, float[] residuals) {
        fp4Residuals(x, offset, elements, 0, blocks, scales, residuals);
    }

    /// Does so from block `from` on.
    static void fp4Residuals(
            float[] x, int offset, int elements, int from, int blocks, float[] scales, float[] residuals) {
        for (int e = 0; e < elements; e++) {
            for (int i = from; i < blocks; i++) {
                float value = x[offset + e * blocks + i];
                residuals[e * blocks + i] = scales[i] == 0 ? value : value - E2m1.round(value / scales[i]) * scales[i];
            }
        }
    }

    @Override
    public void quadraticForms(float[] x, int blocks, float[] form, float[] values) {
        quadraticForms(x, 0, blocks, form, values);
    }

    /// Does so from block `from` on.
    static void quadraticForms(float[] x, int from, int blocks, float[] form, float[] values) {
        for (int block = from; block < blocks; block++) {
            float value = 0;
            for (int i = 0; i < 16; i++) {
                float product = form[i * 16 + i] * x[i * blocks + block];
                for (int j = i + 1; j < 16; j++) {
                    product += form[i * 16 + j] * x[j * blocks + block];
                }
                value += x[i * blocks + block] * product;
            }
            values[block] = value;
        }
    }

    private static float fp4Square(float x, float scale) {
        float magnitude = Math.abs(x);
        float error = scale == 0 ? magnitude : magnitude - E2m1.round(magnitude / scale) * scale;
        return error * error;
    }

    @Override
    public double fp8Error(float[] x, int offset, int length, float factor, float inverse) {
        double[] sums = new double[16];
        for (int i = 0; i < length; i++) {
            sums[i % 16] += fp8Square(x[offset + i], factor, inverse);
        }
        return total(sums);
    }

    static float fp8Square(float x, float factor, float inverse) {
        float error = x - E4m3.round(x * factor) * inverse;
        return error * error;
    }

    @Override
    public double intError(float[] x, int offset, int length, float factor, int largest) {
        double[] sums = new double[16];
        for (int i = 0; i < length; i++) {
            sums[i % 16] += intSquare(x[offset + i], factor, largest);
        }
        return total(sums);
    }

    static float intSquare(float x, float factor, int largest) {
        float y = factor == 0 ? 0 : Math.clamp((float) Math.rint(x * factor), -largest - 1, largest) / factor;
        return (x - y) * (x - y);
    }

    static double total(double[] sums) {
        double sum = 0;
        for (double one : sums) {
            sum += one;
        }
        return sum;
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int length) {
        for (int i = 0; i < length; i++) {
            y[yOffset + i] += x[xOffset + i];
        }
    }

    @Override
    public void addScaled(float a, float[] x, int xOffset, float[] y, int yOffset, int length) {
        for (int i = 0; i < length; i++) {
            y[yOffset + i] = Math.fma(a, x[xOffset + i], y[yOffset + i]);
        }
    }

    @Override
    public void scale(float a, float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            x[i] *= a;
        }
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int length) {
        for (int i = 0; i < length; i++) {
            y[yOffset + i] *= x[xOffset + i];
        }
    }

    @Override
    public float dot(float[] x, int xOffset, float[] y, int yOffset, int length) {
        double sum = 0;
        for (int i = 0; i < length; i++) {
            sum += (double) x[xOffset + i] * y[yOffset + i];
        }
        return (float) sum;
    }

    @Override
    public float sumOfSquares(float[] x, int offset, int length) {
        return dot(x, offset, x, offset, length);
    }

    @Override
    public void rmsNorm(
            float[] x,
            int xOffset,
            float[] weight,
            float weightOffset,
            float epsilon,
            float[] y,
            int yOffset,
            int length) {
        double squares = 0;
        for (int i = xOffset; i < xOffset + length; i++) {
            squares += (double) x[i] * x[i];
        }
        float factor = (float) (1 / Math.sqrt(squares / length + epsilon));
        for (int i = 0; i < length; i++) {
            float normed = x[xOffset + i] * factor;
            y[yOffset + i] = weight.length == 0 ? normed : normed * (weightOffset + weight[i]);
        }
    }

    @Override
    public void softmax(float factor, float[] x, int offset, int length, float sink) {
        scale(factor, x, offset, length);
        float max = sink;
        for (int i = offset; i < offset + length; i++) {
            max = Math.max(max, x[i]);
        }
        double sum = sink == Float.NEGATIVE_INFINITY ? 0 : Exp.of(sink - max);
        for (int i = offset; i < offset + length; i++) {
            x[i] = Exp.of(x[i] - max);
            sum += x[i];
        }
        scale((float) (1 / sum), x, offset, length);
    }

    @Override
    public void exp(float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = Exp.of(x[i]);
        }
    }

    @Override
    public void sigmoid(float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = 1 / (1 + Exp.of(-x[i]));
        }
    }

    @Override
    public void silu(float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = x[i] / (1 + Exp.of(-x[i]));
        }
    }

    @Override
    public void siluMultiply(
            float[] gate, int gateOffset, float[] up, int upOffset, float[] out, int outOffset, int length) {
        for (int i = 0; i < length; i++) {
            float g = gate[gateOffset + i];
            out[outOffset + i] = g / (1 + Exp.of(-g)) * up[upOffset + i];
        }
    }

    @Override
    public void clampedSwiglu(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float alpha,
            float[] out,
            int outOffset,
            int length) {
        for (int i = 0; i < length; i++) {
            float g = Math.min(gate[gateOffset + i], limit);
            float u = Math.min(Math.max(up[upOffset + i], -limit), limit);
            out[outOffset + i] = (u + 1) * (g * (1 / (1 + Exp.of(-(alpha * g)))));
        }
    }

    @Override
    public void relu2(float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            float positive = Math.max(x[i], 0);
            x[i] = positive * positive;
        }
    }

    @Override
    public void softplus(float[] x, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = x[i] > 20 ? x[i] : (float) StrictMath.log1p(StrictMath.exp(x[i]));
        }
    }

    @Override
    public void rotateHalf(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half) {
        for (int i = 0; i < half; i++) {
            rotate(x, offset + i, offset + half + i, cos[angleOffset + i], sin[angleOffset + i]);
        }
    }

    @Override
    public void rotateInterleaved(float[] x, int offset, float[] cos, float[] sin, int angleOffset, int half) {
        for (int i = 0; i < half; i++) {
            rotate(x, offset + 2 * i, offset + 2 * i + 1, cos[angleOffset + i], sin[angleOffset + i]);
        }
    }

    private static void rotate(float[] x, int first, int second, float cos, float sin) {
        float a = x[first];
        float b = x[second];
        x[first] = a * cos - b * sin;
        x[second] = b * cos + a * sin;
    }
}
