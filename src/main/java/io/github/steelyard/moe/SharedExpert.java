package io.github.steelyard.moe;

import io.github.steelyard.model.Linear;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An MLP that every token takes besides its routed experts.
///
/// @param mlp the MLP
/// @param gate a single output whose sigmoid scales the MLP's result, if the family has one
public record SharedExpert(DenseMlp mlp, Optional<Linear> gate) {

    List<Linear> linears() {
        List<Linear> linears = new ArrayList<>(mlp.linears());
        gate.ifPresent(linears::add);
        return linears;
    }
}
