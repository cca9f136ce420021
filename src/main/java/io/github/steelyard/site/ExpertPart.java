package io.github.steelyard.site;

/// Which product of which routed expert a module computes.
///
/// @param group name of the layer's experts as a whole: `model.layers.0.mlp.experts`
/// @param index the expert among these
/// @param product the product
public record ExpertPart(String group, int index, Product product) {

    /// The matrix products of an expert. Servers compute gate and up as one (w13), down as another (w2); experts
    /// without a gate have up and down alone.
    public enum Product {
        /// What the activation is applied to, where it gates.
        GATE,
        /// What goes into the activation, or is multiplied by it.
        UP,
        /// From the activation back to the model's width.
        DOWN;

        /// Returns whether this is the second product, which reads what lies between the two.
        public boolean isSecond() {
            return this == DOWN;
        }
    }

    /// Returns the name of the expert: `model.layers.0.mlp.experts.3`.
    public String expert() {
        return group + "." + index;
    }
}
