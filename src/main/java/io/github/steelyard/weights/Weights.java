package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;

/// The weights of a checkpoint, by module. Formats are detected by [WeightTensors].
public final class Weights {

    private final Checkpoint checkpoint;

    /// Reads from `checkpoint`, which must stay open.
    public Weights(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /// Returns the checkpoint.
    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /// Returns the weight of `module`, in whatever format it is stored.
    ///
    /// @throws CheckpointException if it is missing, incomplete or not `(rows, columns)`
    public StoredWeight linear(String module, int rows, int columns) {
        WeightTensors tensors = WeightTensors.detect(checkpoint, module);
        return new StoredWeights(checkpoint, tensors, rows, columns).open();
    }

    /// Returns tensor `name` as a matrix of plain values.
    ///
    /// @throws CheckpointException if it is missing, not `(rows, columns)`, or not of plain values
    public StoredWeight plain(String name, int rows, int columns) {
        TensorInfo tensor = require(name, Shape.of(rows, columns));
        try {
            return new PlainWeight(checkpoint.bytes(tensor), tensor.dtype(), rows, columns);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(tensor.file(), "tensor '%s': %s".formatted(name, e.getMessage()), e);
        }
    }

    /// Returns the values of tensor `name`, which must have exactly `length` elements.
    public float[] vector(String name, int length) {
        return vector(name, Shape.of(length));
    }

    /// Returns the values of tensor `name`, flattened.
    ///
    /// @throws CheckpointException if it is missing, not of `shape`, or not of plain values
    public float[] vector(String name, Shape shape) {
        return vector(name, shape, 0, Math.toIntExact(shape.elements()));
    }

    /// Returns `length` values of tensor `name`, flattened, from value `from` on.
    ///
    /// @throws CheckpointException if it is missing, not of `shape`, or not of plain values
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
