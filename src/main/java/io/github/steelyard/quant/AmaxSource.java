package io.github.steelyard.quant;

/// Where a quantizer's amax comes from.
public sealed interface AmaxSource {

    /// From the weight itself or from calibration data.
    record Measured() implements AmaxSource {
        @Override
        public String toString() {
            return "measured";
        }
    }

    /// Pinned by the recipe's `constant_amax`: used in the forward pass and written.
    ///
    /// @param amax in the tensor's own units, positive and finite
    record Constant(float amax) implements AmaxSource {
        public Constant {
            if (!(amax > 0) || Float.isInfinite(amax)) {
                throw new IllegalArgumentException(
                        "constant_amax must be positive and finite, found %s".formatted(amax));
            }
        }

        @Override
        public String toString() {
            return "constant " + amax;
        }
    }

    /// ModelOpt's `use_constant_amax`: the largest E4M3 value, so that the scale of an FP8 quantizer is exactly 1.
    record CodeRange() implements AmaxSource {
        /// The amax that this stands for.
        public static final float AMAX = 448f;

        @Override
        public String toString() {
            return "constant " + AMAX;
        }
    }
}
