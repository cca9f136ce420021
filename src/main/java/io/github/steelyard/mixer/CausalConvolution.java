package io.github.steelyard.mixer;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import java.util.ArrayList;
import java.util.List;

/// Depthwise causal convolution over time, then silu: `y_t = silu(b + Σ_j w_j ⊙ x_{t - kernel + 1 + j})`, with zeros
/// before the first token. Never quantised.
///
/// @param module name of the module
/// @param channels values in a row
/// @param kernel taps; the last one meets the current token
/// @param biased whether it has a bias
public record CausalConvolution(String module, int channels, int kernel, boolean biased) {

    List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>();
        tensors.add(new ExpectedTensor(module + ".weight", weightShape()));
        if (biased) {
            tensors.add(ExpectedTensor.vector(module + ".bias", channels));
        }
        return tensors;
    }

    private Shape weightShape() {
        return Shape.of(channels, 1, kernel);
    }

    Loaded load(Weights weights) {
        float[] stored = weights.vector(module + ".weight", weightShape()); // (channels, 1, kernel)
        float[] taps = new float[stored.length]; // (kernel, channels)
        for (int channel = 0; channel < channels; channel++) {
            for (int tap = 0; tap < kernel; tap++) {
                taps[tap * channels + channel] = stored[channel * kernel + tap];
            }
        }
        float[] bias = biased ? weights.vector(module + ".bias", channels) : new float[channels];
        return new Loaded(channels, kernel, taps, bias);
    }

    /// The convolution with its weights in memory.
    static final class Loaded {

        private final int channels;
        private final int kernel;
        private final float[] taps; // (kernel, channels)
        private final float[] bias; // (channels)

        private Loaded(int channels, int kernel, float[] taps, float[] bias) {
            this.channels = channels;
            this.kernel = kernel;
            this.taps = taps;
            this.bias = bias;
        }

        /// @param x rows `stride` apart whose channels begin at `offset`
        /// @param y receives dense rows `(tokens, channels)`
        void forward(float[] x, int offset, int stride, int tokens, float[] y, Lane lane) {
            for (int token = 0; token < tokens; token++) {
                int row = token * channels;
                System.arraycopy(bias, 0, y, row, channels);
                for (int tap = Math.max(0, kernel - 1 - token); tap < kernel; tap++) {
                    int from = (token - kernel + 1 + tap) * stride + offset;
                    addProducts(taps, tap * channels, x, from, y, row, channels);
                }
                lane.kernels().silu(y, row, channels);
            }
        }

        private static void addProducts(float[] a, int ao, float[] b, int bo, float[] y, int yo, int length) {
            for (int i = 0; i < length; i++) {
                y[yo + i] += a[ao + i] * b[bo + i];
            }
        }
    }
}
