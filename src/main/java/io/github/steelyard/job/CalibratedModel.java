package io.github.steelyard.job;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;

/// What is calibrated: a model, as it is and with each of some adapters.
record CalibratedModel(Checkpoint checkpoint, Decoder decoder, Adapters adapters) {

    /// The model as it is goes first, then each adapter.
    Weights weights() {
        return adapters.over(new CheckpointWeights(checkpoint), 1);
    }

    int copies() {
        return 1 + adapters.all().size();
    }
}
