package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Dense Llama and Qwen3.
final class LlamaFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("llama", "qwen3");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        ConfigJson config = source.config();
        LlamaBlocks blocks = new LlamaBlocks(common);
        boolean headNorms = source.modelType().equals("qwen3");
        if (!headNorms) {
            common.requireFullAttention();
        }
        List<AttentionMask> masks = common.windows(headNorms);
        int inner = common.width("intermediate_size");
        boolean biased = config.flag("mlp_bias", false);
        AttentionStyle style = AttentionStyle.of(blocks.rotary(10_000));
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            String name = prefix + ".self_attn";
            layers.add(common.layer(
                    layer,
                    blocks.attention(
                            name,
                            layer,
                            (headNorms ? style.with(blocks.perHeadNorm(name)) : style).with(masks.get(layer))),
                    blocks.mlp(prefix + ".mlp", layer, inner, biased)));
        }
        return common.decoder(layers);
    }
}
