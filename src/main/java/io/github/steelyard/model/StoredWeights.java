package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.format.StoredWeight;

/// Opens detected weights.
final class StoredWeights {

    private StoredWeights() {}

    static StoredWeight open(Checkpoint checkpoint, WeightTensors tensors, int rows, int columns) {
        if (tensors.kind() == WeightTensors.Kind.PLAIN) {
            return new PlainRows(
                    checkpoint.bytes(tensors.weight()), tensors.weight().dtype(), rows, columns);
        }
        throw new CheckpointException(tensors.weight().file(), "format not readable yet");
    }
}
