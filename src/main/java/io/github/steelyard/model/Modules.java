package io.github.steelyard.model;

import java.util.List;

/// Builds the modules of one decoder layer.
///
/// @param layer index of the layer
public record Modules(int layer) {

    /// Returns a linear layer with an input of its own.
    public Linear linear(String name, int rows, int columns) {
        return Linear.of(info(name, rows, columns, -1, List.of(name)));
    }

    /// Returns a linear layer that reads the same input as the others named.
    public Linear linear(String name, int rows, int columns, boolean biased, List<String> inputGroup) {
        return Linear.of(info(name, rows, columns, -1, inputGroup), biased);
    }

    /// Returns a router or another gate.
    public Linear router(String name, int rows, int columns, boolean biased) {
        return Linear.of(new ModuleInfo(name, ModuleInfo.Kind.ROUTER, rows, columns, layer, -1, List.of(name)), biased);
    }

    /// Returns the module that carries the key and value cache.
    public ModuleInfo attention(String name) {
        return new ModuleInfo(name, ModuleInfo.Kind.ATTENTION, 0, 0, layer, -1, List.of(name));
    }

    /// Returns the module that carries the cache of latent attention.
    ///
    /// @param width values of the latent
    public ModuleInfo latentAttention(String name, int width) {
        return new ModuleInfo(name, ModuleInfo.Kind.ATTENTION, 0, width, layer, -1, List.of(name));
    }

    /// Returns a module of expert `expert`.
    public ModuleInfo expert(String name, int rows, int columns, int expert, List<String> inputGroup) {
        return info(name, rows, columns, expert, inputGroup);
    }

    private ModuleInfo info(String name, int rows, int columns, int expert, List<String> inputGroup) {
        return new ModuleInfo(name, ModuleInfo.Kind.LINEAR, rows, columns, layer, expert, inputGroup);
    }
}
