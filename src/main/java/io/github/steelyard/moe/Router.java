package io.github.steelyard.moe;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The router of one layer.
///
/// @param gate the linear layer that scores the experts
/// @param correctionBias tensor that takes part in the choice alone, a value for each expert
/// @param routing how scores become a choice
public record Router(Linear gate, Optional<ExpectedTensor> correctionBias, Routing routing) {

    /// Returns a router without a correction bias.
    public static Router of(Linear gate, Routing routing) {
        return new Router(gate, Optional.empty(), routing);
    }

    /// Returns the number of experts.
    int experts() {
        return gate.info().rows();
    }

    LinearGroup group() {
        return LinearGroup.of(gate);
    }

    List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(gate.tensors());
        correctionBias.ifPresent(tensors::add);
        return tensors;
    }
}
