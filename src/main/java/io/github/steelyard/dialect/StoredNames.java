package io.github.steelyard.dialect;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// What may lie in a checkpoint for one module, under the names of every [Dialect]. `has` tells whether a checkpoint
/// holds a tensor.
public final class StoredNames {

    private StoredNames() {}

    /// The static scale of a module's input.
    ///
    /// @param name where it lies
    /// @param reciprocal whether the tensor holds the reciprocal of the scale
    public record Input(String name, boolean reciprocal) {}

    /// Returns the name of the module's values or codes, if they are there.
    public static Optional<String> weight(Predicate<String> has, String module) {
        return modules(module).map(TensorNames::codes).filter(has).findFirst();
    }

    /// Returns whether a tensor of this name holds a module's values or codes.
    public static boolean isWeight(String tensor) {
        String module = tensor.substring(0, Math.max(tensor.lastIndexOf('.'), 0));
        return modules(module).anyMatch(names -> names.codes().equals(tensor));
    }

    /// Returns whether a module of this name is a table of embeddings: configs speak of linear layers, and a table has
    /// the same form and is none.
    public static boolean isEmbedding(String module) {
        String leaf = module.substring(module.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        return leaf.contains("embed") || leaf.equals("wte") || leaf.equals("wpe");
    }

    /// Returns whether a name is one of a module's input scale, or of an expert stack's.
    public static boolean isInputScale(String tensor) {
        return Stream.of(
                        Dialect.MODELOPT.module("").inputScale(),
                        Dialect.MODELOPT.stack("").inputScale())
                .anyMatch(tensor::endsWith);
    }

    /// Returns whether a tensor of this name holds packed codes.
    public static boolean isPacked(String tensor) {
        return tensor.endsWith(Dialect.COMPRESSED_TENSORS.module("").codes());
    }

    /// Returns the name of the scale of the module's weight, if it is there: `.weight_scale_inv` before `.weight_scale`
    /// before `.scale`.
    public static Optional<String> scale(Predicate<String> has, String module) {
        return scales(module).stream().filter(has).findFirst();
    }

    /// Returns the names that [#scale] knows, in its order.
    public static List<String> scales(String module) {
        List<String> published = Dialect.HUGGING_FACE_FP8.module(module).scales();
        Stream<String> first =
                Stream.of(published.getFirst(), Dialect.MODELOPT.module(module).scale());
        return Stream.concat(first, published.stream().skip(1)).toList();
    }

    /// Returns the static scale of the module's input, if it is there; multipliers before reciprocals.
    public static Optional<Input> input(Predicate<String> has, String module) {
        return inputs(module).filter(input -> has.test(input.name())).findFirst();
    }

    private static Stream<Input> inputs(String module) {
        return Stream.of(Dialect.MODELOPT, Dialect.HUGGING_FACE_FP8, Dialect.COMPRESSED_TENSORS)
                .map(dialect -> dialect.module(module))
                .flatMap(names -> names.inputScales().stream().map(name -> new Input(name, names.reciprocal())));
    }

    /// Returns the names of everything that belongs to a linear module: weight, scales, zero points and the input's
    /// scale.
    public static List<String> all(String module) {
        LinkedHashSet<String> all = new LinkedHashSet<>();
        modules(module).forEach(names -> all.addAll(names.all()));
        all.add(Part.WEIGHT_SHAPE.in(module));
        all.add(Part.WEIGHT_ZERO_POINT.in(module));
        return List.copyOf(all);
    }

    /// Returns the names of everything that belongs to a stack of matrices, biases left out.
    public static List<String> allOfStack(String stack) {
        LinkedHashSet<String> all = new LinkedHashSet<>();
        all.add(stack);
        Dialect.OF_STACKS.forEach(dialect -> all.addAll(dialect.stack(stack).all()));
        return List.copyOf(all);
    }

    private static Stream<TensorNames> modules(String module) {
        return Dialect.OF_MODULES.stream().map(dialect -> dialect.module(module));
    }
}
