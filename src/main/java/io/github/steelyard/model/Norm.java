package io.github.steelyard.model;

import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import java.util.List;

/// RMS normalisation of rows: `x / sqrt(mean(x²) + ε) · (w + offset)`.
///
/// @param tensor name of the weight
/// @param width values in a row
/// @param epsilon ε, added to the mean square
/// @param offset 0, or 1 for the zero-centred form
public record Norm(String tensor, int width, float epsilon, float offset) {

    /// Returns the plain form, with no offset.
    public static Norm plain(String tensor, int width, float epsilon) {
        return new Norm(tensor, width, epsilon, 0);
    }

    /// Returns the tensor that this norm reads.
    public List<ExpectedTensor> tensors() {
        return List.of(new ExpectedTensor(tensor, Shape.of(width)));
    }

    /// Reads the weight.
    public Loaded load(Weights weights) {
        return new Loaded(this, weights.vector(tensor, width));
    }

    /// A norm with its weight in memory.
    public static final class Loaded {

        // Fit the L1 cache or nearly do.
        private static final int ROWS_AT_ONCE = 16;

        private final Norm norm;
        private final float[] weight; // (width)

        private Loaded(Norm norm, float[] weight) {
            this.norm = norm;
            this.weight = weight;
        }

        /// Reads rows and normalises them, a few at a time, while they are in the cache.
        ///
        /// @param from first row of `states`
        /// @param x receives dense rows from `offset` on
        /// @param y receives the normalised rows from `offset` on; may be `x`
        public void read(HiddenStates states, long from, int rows, float[] x, float[] y, int offset, Lane lane) {
            for (int row = 0; row < rows; row += ROWS_AT_ONCE) {
                int count = Math.min(ROWS_AT_ONCE, rows - row);
                int at = offset + row * norm.width;
                states.read(from + row, count, x, at);
                forward(x, at, norm.width, count, y, at, lane);
            }
        }

        /// Normalises `rows` rows of `x` that begin `stride` values apart into dense rows of `y`; `y` may be `x` where
        /// the rows are dense.
        public void forward(float[] x, int offset, int stride, int rows, float[] y, int yOffset, Lane lane) {
            for (int row = 0; row < rows; row++) {
                lane.kernels()
                        .rmsNorm(
                                x,
                                offset + row * stride,
                                weight,
                                norm.offset,
                                norm.epsilon,
                                y,
                                yOffset + row * norm.width,
                                norm.width);
            }
        }
    }
}
