package io.github.steelyard.solve;

import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Chooses a factor for each input channel of a module: AWQ lite. With `A_i` the mean magnitude of channel `i` of the
/// input, `V_i` the mean over the rows of the weight of `|w_i|` in units of the amax of its block, and
///
/// ```text
/// s_i(α) = clamp(A_i^α / (V_i^(1 - α) + tiny), 1e-4, 1e4)      s /= sqrt(max s · min s)
/// ```
///
/// of `α` = 0, `step`, … 1 the first one with the smallest mean square of `(x / s) Q(w · s)ᵀ - x wᵀ`, where `Q` encodes
/// and decodes by the largest magnitudes and `x` is as it is. The result is `1 / s`: what inputs are multiplied by.
///
/// That mean square is `Σ_o d_o M d_oᵀ` with `d = Q(w · s) / s - w` and `M` the mean of `x xᵀ`, so that inputs need not
/// be kept. Sequences count alike, as batches of one sequence do in ModelOpt.
///
/// Source: MODELOPT, `awq_lite`.
public final class AwqLite implements Solver {

    /// The part that holds the factors; zeros where no token came.
    public static final String FACTORS = ModelOpt.INPUT_FACTORS;

    private static final float LEAST = 1e-4f;
    private static final float MOST = 1e4f;

    /// Values of a weight that are encoded at a time, about.
    private static final int PIECE = 1 << 18;

    /// Rows that share a scale at most: those of an FP8 tile.
    private static final int TOGETHER = 128;

    private final float[] alphas;
    private final Encoders encoders;

    /// What encodes the weights that are tried.
    @FunctionalInterface
    public interface Encoders {

        /// Returns the encoder of a module's weight, empty if the module is none of those that get factors.
        ///
        /// @param amax of the weight that is tried
        Optional<WeightEncoder> of(ModuleInfo module, float amax);
    }

    /// @param step the distance of exponents, in (0, 1]
    public AwqLite(double step, Encoders encoders) {
        this.alphas = alphas(step);
        this.encoders = encoders;
    }

    /// Returns the exponents that are tried: as many as lie below `1 + step`.
    static float[] alphas(double step) {
        float[] alphas = new float[(int) Math.ceil((1.0 + step) / step)];
        for (int i = 0; i < alphas.length; i++) {
            alphas[i] = (float) (i * step);
        }
        return alphas;
    }

    @Override
    public Optional<Observed> observed(ModuleInfo module) {
        return encoders.of(module, 1).map(found -> new Observed(Observed.ALL_PRODUCTS, false, true));
    }

    @Override
    public List<Part> parts(ModuleInfo module) {
        return List.of(new Part(FACTORS, DType.F32, Shape.of(module.columns())));
    }

    @Override
    public Prepared prepare(ModuleInfo module, Optional<InputMoments> moments, Desk desk) {
        Optional<InputMoments> seen = moments.filter(found -> found.tokens() > 0);
        if (seen.isEmpty()) {
            return (none, weight, at) -> List.of(new byte[none.columns() * Float.BYTES]);
        }
        int columns = module.columns();
        float[] magnitudes = new float[columns];
        float[] mean = new float[Math.multiplyExact(columns, columns)];
        for (int i = 0; i < columns; i++) {
            magnitudes[i] = (float) seen.get().meanMagnitude(i);
            for (int j = i; j < columns; j++) {
                float product = (float) (seen.get().product(i, j) / seen.get().total());
                mean[i * columns + j] = product;
                mean[j * columns + i] = product;
            }
        }
        return (solved, weight, at) -> List.of(bytes(factors(solved, weight, magnitudes, mean, at)));
    }

    private float[] factors(ModuleInfo module, StoredWeight weight, float[] magnitudes, float[] mean, Desk desk) {
        float[] values = new float[Math.multiplyExact(module.rows(), module.columns())];
        desk.kernels().decode(weight, 0, module.rows(), values, 0);
        int block = encoders.of(module, 1).orElseThrow().block();
        float[] shares = shares(values, module.rows(), module.columns(), block);
        float[] largest = new float[module.columns()];
        desk.kernels().absMaxColumns(values, 0, module.rows(), module.columns(), largest, 0);
        float[] best = new float[module.columns()];
        Arrays.fill(best, 1);
        double smallest = Double.POSITIVE_INFINITY;
        for (float alpha : alphas) {
            float[] scales = scales(magnitudes, shares, alpha);
            float amax = 0;
            for (int i = 0; i < scales.length; i++) {
                amax = Math.max(amax, largest[i] * scales[i]);
            }
            double error =
                    error(module, values, scales, encoders.of(module, amax).orElseThrow(), mean, desk);
            if (error < smallest) {
                smallest = error;
                for (int i = 0; i < best.length; i++) {
                    best[i] = 1 / scales[i];
                }
            }
        }
        return best;
    }

    /// Returns `V`: the mean over rows of each magnitude in units of the largest of its block.
    ///
    /// @param block elements of a row that share a scale; 0 where a row does
    static float[] shares(float[] values, int rows, int columns, int block) {
        int width = block == 0 ? Math.max(1, columns) : block;
        double[] sums = new double[columns];
        for (int row = 0; row < rows; row++) {
            for (int left = 0; left < columns; left += width) {
                int from = row * columns + left;
                int length = Math.min(width, columns - left);
                float amax = 0;
                for (int i = from; i < from + length; i++) {
                    amax = Math.max(amax, Math.abs(values[i]));
                }
                float unit = amax + Float.MIN_NORMAL;
                for (int i = 0; i < length; i++) {
                    sums[left + i] += Math.abs(values[from + i]) / unit;
                }
            }
        }
        float[] shares = new float[columns];
        for (int i = 0; i < columns; i++) {
            shares[i] = (float) (sums[i] / rows);
        }
        return shares;
    }

    /// Returns `s(α)`.
    static float[] scales(float[] magnitudes, float[] shares, float alpha) {
        float[] scales = new float[magnitudes.length];
        float largest = 0;
        float smallest = Float.POSITIVE_INFINITY;
        float rest = (float) (1 - (double) alpha);
        for (int i = 0; i < scales.length; i++) {
            float scale = power(magnitudes[i], alpha) / (power(shares[i], rest) + Float.MIN_NORMAL);
            scales[i] = Math.clamp(scale, LEAST, MOST);
            largest = Math.max(largest, scales[i]);
            smallest = Math.min(smallest, scales[i]);
        }
        float middle = (float) Math.sqrt(largest * smallest);
        for (int i = 0; i < scales.length; i++) {
            scales[i] /= middle;
        }
        return scales;
    }

    private static float power(float base, float exponent) {
        return (float) StrictMath.pow(base, exponent);
    }

    /// Returns the sum over output features of the mean squared error that a weight has once it is encoded.
    private static double error(
            ModuleInfo module, float[] values, float[] scales, WeightEncoder encoder, float[] mean, Desk desk) {
        int columns = module.columns();
        int step = TOGETHER * Math.max(1, PIECE / TOGETHER / columns);
        double error = 0;
        for (int top = 0; top < module.rows(); top += step) {
            int rows = Math.min(step, module.rows() - top);
            float[] change = desk.rows(rows * columns);
            float[] product = desk.sums(rows * columns);
            for (int i = 0; i < rows * columns; i++) {
                change[i] = values[top * columns + i] * scales[i % columns];
            }
            encoder.stored(encoder.encode(change, 0, rows, columns), rows, columns)
                    .decodeRows(0, rows, change, 0);
            for (int i = 0; i < rows * columns; i++) {
                change[i] = change[i] * (1 / scales[i % columns]) - values[top * columns + i];
            }
            desk.gemm()
                    .multiply(
                            Matrix.dense(change, rows, columns),
                            Matrix.dense(mean, columns, columns),
                            Update.SET,
                            Matrix.dense(product, rows, columns),
                            desk.workspace());
            for (int i = 0; i < rows * columns; i++) {
                error += (double) change[i] * product[i];
            }
        }
        return error;
    }

    private static byte[] bytes(float[] factors) {
        ByteBuffer bytes = ByteBuffer.allocate(factors.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float factor : factors) {
            bytes.putFloat(factor);
        }
        return bytes.array();
    }
}
