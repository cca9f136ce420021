package io.github.steelyard.model;

import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import java.util.List;

/// Builds the modules of one decoder layer.
///
/// @param layer index of the layer
public record Modules(int layer) {

    /// Returns a linear layer with an input of its own.
    public Linear linear(String name, int rows, int columns) {
        return Linear.of(info(name, rows, columns, List.of(name)));
    }

    /// Returns a linear layer that reads the same input as the others named, and that servers join with these.
    public Linear linear(String name, int rows, int columns, boolean biased, List<String> joined) {
        return linear(name, rows, columns, biased, joined, joined);
    }

    /// Returns a linear layer that reads the same input as the others named.
    ///
    /// @param joined those that servers keep in one matrix with it, itself included, in their order there
    public Linear linear(
            String name, int rows, int columns, boolean biased, List<String> inputGroup, List<String> joined) {
        return Linear.of(info(name, rows, columns, inputGroup).joinedAs(joined), biased);
    }

    /// Returns a router or another gate.
    public Linear router(String name, int rows, int columns, boolean biased) {
        return Linear.of(new ModuleInfo(name, ModuleInfo.Kind.ROUTER, rows, columns, layer, List.of(name)), biased);
    }

    /// Returns the module that carries the key and value cache.
    public ModuleInfo attention(String name) {
        return new ModuleInfo(name, ModuleInfo.Kind.ATTENTION, 0, 0, layer, List.of(name));
    }

    /// Returns the module that carries the cache of latent attention.
    ///
    /// @param width values of the latent
    public ModuleInfo latentAttention(String name, int width) {
        return new ModuleInfo(name, ModuleInfo.Kind.ATTENTION, 0, width, layer, List.of(name));
    }

    /// Returns a product of a routed expert.
    ///
    /// @param inputs names of the products that read the same input, this one included; servers join them
    public ModuleInfo expert(String name, int rows, int columns, ExpertPart part, List<String> inputs) {
        return info(name, rows, columns, inputs).joinedAs(inputs).of(part);
    }

    private ModuleInfo info(String name, int rows, int columns, List<String> inputGroup) {
        return new ModuleInfo(name, ModuleInfo.Kind.LINEAR, rows, columns, layer, inputGroup);
    }
}
