package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.dialect.TensorScale;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Linear;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.weights.Fp8Blocks;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.InputScale;
import io.github.steelyard.weights.MxScales;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// A linear module as the source holds it.
///
/// @param linear the module
/// @param weights the source's weights, and what lies over them
/// @param stored the tensors of its weight; empty where it is a part of a fused tensor or of the embedding
public record SourceModule(Linear linear, Weights weights, Optional<WeightTensors> stored) {

    /// Leftovers of other tools beside what is read.
    private static final List<String> LEFTOVERS = List.of(".input_amax", ".weight_amax");

    /// Returns the module as `weights` has it.
    public static SourceModule of(Linear linear, Weights weights) {
        Checkpoint checkpoint = weights.checkpoint();
        String name = linear.info().name();
        boolean own = linear.source().equals(Linear.WeightSource.OWN)
                && StoredNames.weight(checkpoint::has, name).isPresent();
        return new SourceModule(
                linear, weights, own ? Optional.of(WeightTensors.detect(checkpoint, name)) : Optional.empty());
    }

    /// Returns its name.
    public String name() {
        return linear.info().name();
    }

    /// Returns its weight.
    public StoredWeight weight() {
        return linear.open(weights);
    }

    /// Returns whether another weight lies over the stored one, whose tensors then say nothing of it.
    public boolean isReplaced() {
        return weights.replacement(name()).isPresent();
    }

    /// Returns the storage format; empty for a part of a fused tensor, whose format only its weight knows.
    public Optional<Format> format() {
        return stored.map(WeightTensors::format);
    }

    /// Returns whether the weight is plain values under the module's own name, or shares the embedding's.
    public boolean isPlain() {
        return stored.isPresent()
                ? stored.get().format() == Format.PLAIN
                : linear.source().fusedTensors().isEmpty();
    }

    /// Returns whether the weight is a part of a tensor that holds others too.
    public boolean isFused() {
        return !linear.source().fusedTensors().isEmpty();
    }

    /// Returns whether this is a head whose weight is the embedding's. A weight that lies under its own name all the
    /// same is not served.
    public boolean sharesEmbedding() {
        return stored.isEmpty() && !isFused();
    }

    /// Returns the names of the source's tensors that the module's weight and scales lie in.
    public Set<String> tensorNames() {
        Set<String> names = new LinkedHashSet<>(linear.source().fusedTensors());
        Stream.of(
                        StoredNames.all(name()).stream(),
                        LEFTOVERS.stream().map(suffix -> name() + suffix),
                        Stream.of(ModelOpt.preQuantScale(name())))
                .flatMap(found -> found)
                .filter(weights.checkpoint()::has)
                .forEach(names::add);
        return names;
    }

    /// Returns the tensor in which servers keep this module's weight with those of others, if they do.
    public Optional<FusedStack> stack() {
        return linear.info().stacked().map(FusedStack.Member::stack);
    }

    /// Returns the one scale of the whole weight: FP8's, or the global one of NVFP4. Empty for formats without one.
    public Optional<TensorScale> tensorScale() {
        return stored.flatMap(
                tensors -> tensors.tensorScale().map(scale -> new TensorScale(scalar(scale), tensors.reciprocal())));
    }

    /// Returns the scale of the input, where the source has one.
    public Optional<TensorScale> inputScale() {
        return InputScale.of(weights.checkpoint(), name())
                .map(scale -> new TensorScale(scalar(scale.tensor()), scale.reciprocal()));
    }

    /// Returns whether codes and scales of the weight are such that they can be declared: E4M3 or packed E2M1, and
    /// blocks of 128 x 128, and inputs are not multiplied by factors.
    public boolean hasDeclarableCodes() {
        boolean usual = format().orElse(Format.PLAIN) != Format.FP8_BLOCK
                || Fp8Blocks.of(weights.checkpoint().quantization(), name()).areUsual();
        return usual
                && !hasInputFactors()
                && stored.map(tensors -> tensors.weight().dtype() != DType.F8_E5M2)
                        .orElse(false);
    }

    /// Returns the values of one of the weight's tensors, flattened.
    public List<Float> values(TensorInfo tensor) {
        List<Float> values = new ArrayList<>();
        boolean powers = MxScales.arePowers(tensor);
        for (float value : powers
                ? MxScales.values(weights.checkpoint(), tensor)
                : weights.vector(tensor.name(), tensor.shape())) {
            values.add(value);
        }
        return values;
    }

    private float scalar(TensorInfo tensor) {
        List<Float> values = values(tensor);
        if (values.size() != 1) {
            throw new CheckpointException(
                    tensor.file(),
                    "tensor '%s': expected one value, found %s".formatted(tensor.name(), tensor.shape()));
        }
        return values.getFirst();
    }

    private boolean hasInputFactors() {
        return weights.checkpoint().has(ModelOpt.preQuantScale(name()));
    }
}
