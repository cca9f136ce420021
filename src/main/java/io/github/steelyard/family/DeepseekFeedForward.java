package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import java.util.List;
import java.util.Optional;

/// The feed-forward blocks of DeepSeek and GLM: the first layers dense, the others sparse with shared experts.
///
/// @param common the config
/// @param experts routed experts of a layer
/// @param routing how tokens choose
/// @param corrected whether the router has a correction bias
record DeepseekFeedForward(CommonConfig common, int experts, Routing routing, boolean corrected) {

    Body of(int layer) {
        ConfigJson config = common.config();
        int dense = config.integerOr("first_k_dense_replace", 0, 0, CommonConfig.MAX_LAYERS);
        int step = config.integerOr("moe_layer_freq", 1, 1, CommonConfig.MAX_LAYERS);
        String name = common.naming().layer(layer) + ".mlp";
        List<String> kinds = common.layerTypes("mlp_layer_types");
        boolean sparse = kinds.isEmpty() ? layer >= dense && layer % step == 0 : isSparse(kinds.get(layer));
        return sparse
                ? moe(name, layer)
                : new LlamaBlocks(common)
                        .mlp(name, layer, common.width("intermediate_size"), config.flag("mlp_bias", false));
    }

    private boolean isSparse(String kind) {
        return switch (kind) {
            case "sparse" -> true;
            case "dense" -> false;
            default -> throw common.config().unsuitable("mlp_layer_types", "sparse or dense only");
        };
    }

    private SparseMoe moe(String name, int layer) {
        int inner = common.width("moe_intermediate_size");
        int shared = common.config().integerOr("n_shared_experts", 0, 0, CommonConfig.MAX_EXPERTS);
        String gate = name + ".gate";
        return new SparseMoe(
                new Router(
                        new Modules(layer).router(gate, experts, common.hidden(), false),
                        corrected
                                ? Optional.of(ExpectedTensor.vector(gate + ".e_score_correction_bias", experts))
                                : Optional.empty(),
                        routing),
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, common.hidden(), inner)
                        .gated("gate_proj", "up_proj", "down_proj"),
                new Activation.GatedSilu(),
                shared == 0
                        ? Optional.empty()
                        : Optional.of(new SharedExpert(
                                new LlamaBlocks(common)
                                        .mlp(name + ".shared_experts", layer, Math.multiplyExact(shared, inner), false),
                                Optional.empty())),
                Optional.empty());
    }
}
