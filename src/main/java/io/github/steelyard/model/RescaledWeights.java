package io.github.steelyard.model;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.ScaledWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Weights of a model with factors between its layers: what an input is multiplied by, the weights that it meets are
/// divided by, and what can be is done to the norm or the layer before.
public final class RescaledWeights implements Weights {

    private static final float[] NONE = {};

    private final Weights below;
    private final Factors factors;
    private final Map<String, Linear> linears = new HashMap<>();
    private final Map<String, Norm> norms = new HashMap<>(); // those that get factors, by tensor

    /// What is multiplied.
    ///
    /// @param columns of weights, by module
    /// @param rows of weights, by module
    /// @param norms weights of norms, by tensor
    public record Factors(Map<String, float[]> columns, Map<String, float[]> rows, Map<String, float[]> norms) {

        public Factors {
            columns = Map.copyOf(columns);
            rows = Map.copyOf(rows);
            norms = Map.copyOf(norms);
        }
    }

    public RescaledWeights(Weights below, Decoder decoder, Factors factors) {
        this.below = below;
        this.factors = factors;
        decoder.linears().forEach(linear -> linears.put(linear.info().name(), linear));
        decoder.layers().stream()
                .flatMap(layer -> layer.blocks().stream())
                .map(Decoder.Block::norm)
                .filter(norm -> factors.norms.containsKey(norm.tensor()))
                .forEach(norm -> norms.put(norm.tensor(), norm));
    }

    @Override
    public CheckpointWeights stored() {
        return below.stored();
    }

    @Override
    public Optional<StoredWeight> replacement(String module) {
        float[] columns = factors.columns.getOrDefault(module, NONE);
        float[] rows = factors.rows.getOrDefault(module, NONE);
        Linear linear = linears.get(module);
        return linear == null || columns.length + rows.length == 0
                ? below.replacement(module)
                : Optional.of(new ScaledWeight(linear.open(below), rows, columns));
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
    public Set<String> changed() {
        return norms.keySet();
    }

    /// Returns the values of a tensor, those of a norm as they are written: rounded to BF16 where they were.
    @Override
    public float[] vector(String name, Shape shape, int from, int length) {
        float[] values = below.vector(name, shape, from, length);
        Norm norm = norms.get(name);
        if (norm != null) {
            float[] scaled = factors.norms.getOrDefault(name, NONE);
            boolean rounded = checkpoint().tensor(name).dtype() == DType.BF16;
            for (int i = 0; i < length; i++) {
                float value = (values[i] + norm.offset()) * scaled[from + i] - norm.offset();
                values[i] = rounded ? Bf16.decode(Bf16.encode(value)) : value;
            }
        }
        return values;
    }
}
