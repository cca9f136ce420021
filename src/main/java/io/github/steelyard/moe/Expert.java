package io.github.steelyard.moe;

import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import java.util.List;
import java.util.stream.Stream;

/// One routed expert: the first product (gate and up, or up alone) and the second.
///
/// @param w13 gate and up, or up alone
/// @param w2 down
public record Expert(LinearGroup w13, LinearGroup w2) {

    /// Returns the gated expert of these three layers.
    public static Expert gated(Linear gate, Linear up, Linear down) {
        return new Expert(LinearGroup.of(gate, up), LinearGroup.of(down));
    }

    /// Returns the expert without a gate.
    public static Expert plain(Linear up, Linear down) {
        return new Expert(LinearGroup.of(up), LinearGroup.of(down));
    }

    /// Returns the name of its module: `model.layers.0.mlp.experts.3`.
    String name() {
        return w2.members().getFirst().info().expert().orElseThrow().expert();
    }

    public List<Linear> linears() {
        return Stream.concat(w13.members().stream(), w2.members().stream()).toList();
    }
}
