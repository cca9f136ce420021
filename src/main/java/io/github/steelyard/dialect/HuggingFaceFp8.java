package io.github.steelyard.dialect;

import java.util.List;
import java.util.Optional;

/// FP8 as DeepSeek publishes it and transformers writes it.
public record HuggingFaceFp8() implements Dialect.InModules, Dialect.InStacks {

    @Override
    public TensorNames module(String name) {
        return new TensorNames(
                Part.WEIGHT.in(name),
                List.of(Part.WEIGHT_SCALE_INV.in(name), name + ".scale"),
                Optional.empty(),
                List.of(name + ".activation_scale"),
                false);
    }

    @Override
    public TensorNames stack(String name) {
        return new TensorNames(
                name,
                List.of(Part.WEIGHT_SCALE_INV.beside(name), name + "_scale_inv"),
                Optional.empty(),
                List.of(),
                false);
    }
}
