package io.github.steelyard.family;

import io.github.steelyard.model.Linear;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SparseMoe;
import java.util.List;
import java.util.Optional;

/// Sparse MoE as in Mixtral, Qwen3-MoE and OLMoE: softmax over all experts, the best chosen, nothing beside them.
///
/// @param common the config
/// @param name module of the block
/// @param layer index of the layer
/// @param projections names of an expert's gate, up and down projection
record SoftmaxMoe(CommonConfig common, String name, int layer, List<String> projections) {

    static final List<String> USUAL = List.of("gate_proj", "up_proj", "down_proj");

    SparseMoe of(int experts, int inner, boolean renormalise) {
        Router router = Router.of(
                gate(common, name + ".gate", layer, experts), new Routing.Softmax(common.chosen(experts), renormalise));
        return new SparseMoe(
                router,
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, common.hidden(), inner)
                        .gated(projections.get(0), projections.get(1), projections.get(2)),
                new Activation.GatedSilu(),
                Optional.empty(),
                Optional.empty());
    }

    /// Returns the router of this name, or as transformers 5 saves it.
    static Linear gate(CommonConfig common, String name, int layer, int experts) {
        Linear gate = new Modules(layer).router(name, experts, common.hidden(), false);
        String renamed = renamed(name);
        boolean resaved = !common.source().hasWeight(gate.info().name())
                && common.source().hasWeight(renamed);
        return resaved ? new Linear(gate.info(), Linear.Resaved.as(renamed), gate.bias()) : gate;
    }

    /// Returns the name by which transformers 5 saves a module or tensor in its own form.
    static String renamed(String published) {
        return published.replace(".block_sparse_moe.", ".mlp.");
    }
}
