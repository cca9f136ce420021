package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/// Weights of a model of which some linear layers have another weight than the stored one: an adapter's, merged, or one
/// that was solved. All else is as in the weights below, which may be overlaid themselves.
public final class OverlaidWeights implements Weights {

    private final Weights below;
    private final Function<String, Optional<StoredWeight>> over; // by module

    private OverlaidWeights(Weights below, Function<String, Optional<StoredWeight>> over) {
        this.below = below;
        this.over = over;
    }

    /// Lays weights over others that are known only when they are asked for.
    ///
    /// @param over the weight `(rows, columns)` of a linear layer, by its module's name, if it is another one by now
    public static OverlaidWeights of(Weights below, Function<String, Optional<StoredWeight>> over) {
        return new OverlaidWeights(below, over);
    }

    /// Lays weights over others.
    ///
    /// @param decoder the model that the weights are of
    /// @param over the new weights `(rows, columns)`, by the name of a linear layer's module
    /// @throws IllegalArgumentException if the model has no linear layer of a name, a weight has other extents than its
    ///     layer, or the layer is a head that shares the embedding, which would not change with it
    public static OverlaidWeights of(Weights below, Decoder decoder, Map<String, StoredWeight> over) {
        Map<String, ModuleInfo> layers = new HashMap<>();
        decoder.linears().forEach(linear -> layers.put(linear.info().name(), linear.info()));
        new TreeMap<>(over).forEach((module, weight) -> {
            if (!layers.containsKey(module)) {
                throw new IllegalArgumentException(
                        "a weight for '%s': the model has no linear layer of this name".formatted(module));
            }
            ModuleInfo layer = layers.get(module);
            if (weight.rows() != layer.rows() || weight.columns() != layer.columns()) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "a weight for '%s': wanted %s, found %s",
                        module,
                        Shape.of(layer.rows(), layer.columns()),
                        Shape.of(weight.rows(), weight.columns())));
            }
            if (decoder.tied() && layer.equals(decoder.head())) {
                throw new IllegalArgumentException(
                        "a weight for '%s': it shares the embedding's and cannot be replaced apart".formatted(module));
            }
        });
        Map<String, StoredWeight> laid = Map.copyOf(over);
        return new OverlaidWeights(below, module -> Optional.ofNullable(laid.get(module)));
    }

    @Override
    public CheckpointWeights stored() {
        return below.stored();
    }

    @Override
    public Optional<StoredWeight> replacement(String module) {
        return over.apply(module).or(() -> below.replacement(module));
    }

    @Override
    public Set<String> changed() {
        return below.changed();
    }

    @Override
    public List<LowRank> additions(String module) {
        return below.additions(module);
    }

    @Override
    public StoredWeight plain(String name, int rows, int columns) {
        return below.plain(name, rows, columns);
    }

    @Override
    public float[] vector(String name, Shape shape, int from, int length) {
        return below.vector(name, shape, from, length);
    }
}
