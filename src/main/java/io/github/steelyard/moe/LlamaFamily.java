package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Attention;
import io.github.steelyard.model.AttentionMask;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Dense Llama and Qwen3.
final class LlamaFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("llama", "qwen3");
    }

    @Override
    public Decoder build(ConfigJson config, Predicate<String> has) {
        CommonConfig common = CommonConfig.read(config);
        LlamaBlocks blocks = new LlamaBlocks(common);
        boolean headNorms = config.string("model_type").equals("qwen3");
        int inner = config.integer("intermediate_size", 1, CommonConfig.MAX_WIDTH);
        Rotary rotary = blocks.rotary(10_000);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = "model.layers." + layer;
            String attention = prefix + ".self_attn";
            Attention.HeadNorm headNorm = headNorms ? blocks.perHeadNorm(attention) : new Attention.HeadNorm.None();
            layers.add(new Decoder.Layer(
                    "attention + mlp",
                    List.of(
                            new Decoder.Block(
                                    common.norm(prefix + ".input_layernorm"),
                                    blocks.attention(
                                            attention, layer, headNorm, Optional.of(rotary), AttentionMask.CAUSAL)),
                            new Decoder.Block(
                                    common.norm(prefix + ".post_attention_layernorm"),
                                    blocks.mlp(prefix + ".mlp", layer, inner, config.flag("mlp_bias", false))))));
        }
        return common.decoder(layers, List.of());
    }
}
