package io.github.steelyard.catalogue;

import java.util.Locale;

/// Whether a tensor inside a layer can be observed under a backend.
///
/// @param degree how much of it
/// @param why the reason, in a few words; may be empty
public record Visibility(Degree degree, String why) {

    /// How much of a tensor can be observed.
    public enum Degree {
        /// It exists in high precision, row by row.
        MATERIALISED,
        /// Only the result of the first product exists in high precision, not that of the activation.
        PRE_ACTIVATION,
        /// Only the layer's input exists, without the assignment of rows to experts.
        LAYER_INPUT,
        /// It never exists outside the kernel.
        HIDDEN,
        /// The platform serves the layer by itself, and nothing is known.
        UNKNOWN;

        static Degree of(String word) {
            return valueOf(word.toUpperCase(Locale.ROOT).replace('-', '_'));
        }

        /// Returns the word used in files: `materialised`, `pre-activation`, …
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /// Returns whether a quantizer's input statistics can be measured on the tensor.
    public boolean observable() {
        return degree == Degree.MATERIALISED;
    }

    /// Describes the verdict: `hidden (one kernel call runs both expert GEMMs)`.
    public String label() {
        return why.isEmpty() ? degree.word() : "%s (%s)".formatted(degree.word(), why);
    }
}
