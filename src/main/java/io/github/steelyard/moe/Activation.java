package io.github.steelyard.moe;

import io.github.steelyard.work.Lane;

/// The function between the two products of an MLP or an expert.
public sealed interface Activation {

    /// `silu(gate) ⊙ up`.
    record GatedSilu() implements Activation {}

    /// `(up + 1) ⊙ gate ⊙ σ(α · gate)` with `gate ≤ limit` and `|up| ≤ limit`.
    record ClampedSwiglu(float alpha, float limit) implements Activation {}

    /// `max(up, 0)²`, without a gate.
    record SquaredRelu() implements Activation {}

    /// Returns whether the first product yields a gate before the up part.
    default boolean gated() {
        return switch (this) {
            case GatedSilu silu -> true;
            case ClampedSwiglu swiglu -> true;
            case SquaredRelu relu -> false;
        };
    }

    /// Applies the function to rows `from` to `from + rows`.
    ///
    /// @param first rows of the first product, `(rows, 2 · width)` gate then up, or `(rows, width)` without a gate
    /// @param width intermediate features
    /// @param out receives dense rows `(rows, width)`
    default void apply(float[] first, int from, int rows, int width, float[] out, Lane lane) {
        for (int row = from; row < from + rows; row++) {
            int to = row * width;
            switch (this) {
                case GatedSilu silu ->
                    lane.kernels().siluMultiply(first, 2 * to, first, 2 * to + width, out, to, width);
                case ClampedSwiglu s ->
                    lane.kernels()
                            .clampedSwiglu(first, 2 * to, first, 2 * to + width, s.limit(), s.alpha(), out, to, width);
                case SquaredRelu relu -> {
                    System.arraycopy(first, to, out, to, width);
                    lane.kernels().relu2(out, to, width);
                }
            }
        }
    }
}
