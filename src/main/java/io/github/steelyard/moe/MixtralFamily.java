package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Activation;
import io.github.steelyard.model.Attention;
import io.github.steelyard.model.AttentionMask;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Modules;
import io.github.steelyard.model.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Mixtral: Llama attention, eight or so experts `w1` (gate), `w3` (up), `w2` (down).
final class MixtralFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("mixtral");
    }

    @Override
    public Decoder build(ConfigJson config, Predicate<String> has) {
        CommonConfig common = CommonConfig.read(config);
        LlamaBlocks blocks = new LlamaBlocks(common);
        int inner = config.integer("intermediate_size", 1, CommonConfig.MAX_WIDTH);
        int experts = config.integer("num_local_experts", 1, CommonConfig.MAX_EXPERTS);
        int chosen = config.integer("num_experts_per_tok", 1, experts);
        AttentionMask mask = new AttentionMask(config.integerOr("sliding_window", 0, 0, Integer.MAX_VALUE), 0);
        Rotary rotary = blocks.rotary(1_000_000);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = "model.layers." + layer;
            String moe = prefix + ".block_sparse_moe";
            Router router = Router.of(
                    new Modules(layer).router(moe + ".gate", experts, common.hidden(), false),
                    new Routing.Softmax(chosen, true));
            layers.add(new Decoder.Layer(
                    "attention + moe",
                    List.of(
                            new Decoder.Block(
                                    common.norm(prefix + ".input_layernorm"),
                                    blocks.attention(
                                            prefix + ".self_attn",
                                            layer,
                                            new Attention.HeadNorm.None(),
                                            Optional.of(rotary),
                                            mask)),
                            new Decoder.Block(
                                    common.norm(prefix + ".post_attention_layernorm"),
                                    new SparseMoe(
                                            router,
                                            blocks.experts(moe + ".experts", layer, experts, inner, "w1", "w3", "w2"),
                                            new Activation.GatedSilu(),
                                            Optional.empty(),
                                            Optional.empty())))));
        }
        return common.decoder(layers, List.of());
    }
}
