package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Activation;
import io.github.steelyard.model.AttentionMask;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Modules;
import io.github.steelyard.model.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Qwen3-MoE: Qwen3 attention; sparse layers by `decoder_sparse_step` and `mlp_only_layers`.
final class Qwen3MoeFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("qwen3_moe");
    }

    @Override
    public Decoder build(ConfigJson config, Predicate<String> has) {
        CommonConfig common = CommonConfig.read(config);
        LlamaBlocks blocks = new LlamaBlocks(common);
        Rotary rotary = blocks.rotary(1_000_000);
        List<Integer> dense = config.has("mlp_only_layers") ? config.integers("mlp_only_layers") : List.of();
        int step = config.integerOr("decoder_sparse_step", 1, 1, CommonConfig.MAX_LAYERS);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = "model.layers." + layer;
            boolean sparse = !dense.contains(layer) && (layer + 1) % step == 0;
            Body feedForward = sparse
                    ? moe(blocks, prefix + ".mlp", layer)
                    : blocks.mlp(
                            prefix + ".mlp",
                            layer,
                            config.integer("intermediate_size", 1, CommonConfig.MAX_WIDTH),
                            false);
            layers.add(new Decoder.Layer(
                    sparse ? "attention + moe" : "attention + mlp",
                    List.of(
                            new Decoder.Block(
                                    common.norm(prefix + ".input_layernorm"),
                                    blocks.attention(
                                            prefix + ".self_attn",
                                            layer,
                                            blocks.perHeadNorm(prefix + ".self_attn"),
                                            Optional.of(rotary),
                                            AttentionMask.CAUSAL)),
                            new Decoder.Block(common.norm(prefix + ".post_attention_layernorm"), feedForward))));
        }
        return common.decoder(layers, List.of());
    }

    private static SparseMoe moe(LlamaBlocks blocks, String name, int layer) {
        ConfigJson config = blocks.common().config();
        String countKey = config.has("num_experts") ? "num_experts" : "num_local_experts";
        int experts = config.integer(countKey, 1, CommonConfig.MAX_EXPERTS);
        int chosen = config.integer("num_experts_per_tok", 1, experts);
        int inner = config.integer("moe_intermediate_size", 1, CommonConfig.MAX_WIDTH);
        Router router = Router.of(
                new Modules(layer)
                        .router(name + ".gate", experts, blocks.common().hidden(), false),
                new Routing.Softmax(chosen, config.flag("norm_topk_prob", false)));
        return new SparseMoe(
                router,
                blocks.experts(name + ".experts", layer, experts, inner, "gate_proj", "up_proj", "down_proj"),
                new Activation.GatedSilu(),
                Optional.empty(),
                Optional.empty());
    }
}
