package io.github.steelyard.dialect;

import java.util.List;
import java.util.Optional;

/// MXFP4 experts as OpenAI publishes them.
public record GptOss() implements Dialect.InStacks {

    @Override
    public TensorNames stack(String name) {
        return new TensorNames(
                Part.BLOCKS.beside(name), List.of(Part.SCALES.beside(name)), Optional.empty(), List.of(), false);
    }

    /// Returns the name of the biases `(count, rows)` of a stack.
    public static String bias(String stack) {
        return stack + "_bias";
    }

    /// Returns the stack whose biases have this name, if it is such a name.
    public static Optional<String> stackOfBias(String tensor) {
        return tensor.endsWith("_bias")
                ? Optional.of(tensor.substring(0, tensor.length() - "_bias".length()))
                : Optional.empty();
    }
}
