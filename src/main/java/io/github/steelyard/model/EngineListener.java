package io.github.steelyard.model;

/// Hears how a pass gets on.
public interface EngineListener {

    /// Hears nothing.
    EngineListener NONE = new EngineListener() {};

    /// A layer begins.
    default void layerBegins(int layer, int layers) {}

    /// A layer is done.
    default void layerDone(int layer, int layers) {}

    /// The router of a layer has spoken.
    ///
    /// @param router name of the router module
    /// @param tokens tokens routed to each expert `(experts)`
    default void routed(String router, long[] tokens) {}

    /// Returns a listener that passes everything on to both, to this one first.
    default EngineListener and(EngineListener other) {
        EngineListener first = this;
        return new EngineListener() {
            @Override
            public void layerBegins(int layer, int layers) {
                first.layerBegins(layer, layers);
                other.layerBegins(layer, layers);
            }

            @Override
            public void layerDone(int layer, int layers) {
                first.layerDone(layer, layers);
                other.layerDone(layer, layers);
            }

            @Override
            public void routed(String router, long[] tokens) {
                first.routed(router, tokens);
                other.routed(router, tokens);
            }
        };
    }
}
