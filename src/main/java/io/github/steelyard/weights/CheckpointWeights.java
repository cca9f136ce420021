package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.ScaledWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// The weights of a checkpoint as they are stored, with nothing over them. Formats are detected by [WeightTensors].
///
/// @param checkpoint where they lie; must stay open
public record CheckpointWeights(Checkpoint checkpoint) implements Weights {

    @Override
    public CheckpointWeights stored() {
        return this;
    }

    @Override
    public Optional<StoredWeight> replacement(String module) {
        return Optional.empty();
    }

    @Override
    public List<LowRank> additions(String module) {
        return List.of();
    }

    /// Returns the weight that lies under `module`'s name, in whatever format it is stored. Where its inputs are to be
    /// multiplied by factors of their channels, its columns are.
    ///
    /// @throws CheckpointException if it is missing, incomplete or not `(rows, columns)`
    public StoredWeight linear(String module, int rows, int columns) {
        StoredWeight stored = codes(module, rows, columns);
        return inputFactors(module, columns)
                .<StoredWeight>map(factors -> new ScaledWeight(stored, new float[0], factors))
                .orElse(stored);
    }

    /// Returns the same weight as its codes and scales have it, whatever its inputs are multiplied by.
    ///
    /// @throws CheckpointException as [#linear] does
    public StoredWeight codes(String module, int rows, int columns) {
        return new StoredWeights(checkpoint, WeightTensors.detect(checkpoint, module), rows, columns).open();
    }

    /// Returns what the inputs of a module are multiplied by before they are quantised, if the checkpoint has that.
    ///
    /// @throws CheckpointException if there are not `columns` of them, all positive and finite
    public Optional<float[]> inputFactors(String module, int columns) {
        String name = ModelOpt.preQuantScale(module);
        if (!checkpoint.has(name)) {
            return Optional.empty();
        }
        float[] factors = vector(name, columns);
        for (float factor : factors) {
            if (!(factor > 0 && factor <= Float.MAX_VALUE)) {
                throw new CheckpointException(
                        checkpoint.tensor(name).file(),
                        "tensor '%s': wanted positive finite factors, found %s".formatted(name, factor));
            }
        }
        return Optional.of(factors);
    }

    @Override
    public StoredWeight plain(String name, int rows, int columns) {
        TensorInfo tensor = require(name, Shape.of(rows, columns));
        try {
            return new PlainWeight(checkpoint.bytes(tensor), tensor.dtype(), rows, columns);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(tensor.file(), "tensor '%s': %s".formatted(name, e.getMessage()), e);
        }
    }

    @Override
    public float[] vector(String name, Shape shape, int from, int length) {
        TensorInfo tensor = require(name, shape);
        int bytes = tensor.dtype().bits() / Byte.SIZE;
        MemorySegment part = checkpoint.bytes(tensor).asSlice((long) from * bytes, (long) length * bytes);
        float[] values = new float[length];
        try {
            new PlainWeight(part, tensor.dtype(), 1, length).decodeRows(0, 1, values, 0);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(tensor.file(), "tensor '%s': %s".formatted(name, e.getMessage()), e);
        }
        return values;
    }

    private TensorInfo require(String name, Shape shape) {
        TensorInfo tensor = checkpoint.tensor(name);
        if (!tensor.shape().equals(shape)) {
            throw new CheckpointException(
                    tensor.file(), "tensor '%s': wanted shape %s, found %s".formatted(name, shape, tensor.shape()));
        }
        return tensor;
    }
}
