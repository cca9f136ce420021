package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// OLMoE: queries and keys normalised over their whole width, optionally clipped; every layer sparse.
final class OlmoeFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("olmoe");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        ConfigJson config = source.config();
        common.requireFullAttention();
        LlamaBlocks blocks = new LlamaBlocks(common);
        float clip = (float) source.number("clip_qkv", 0, 0, Float.MAX_VALUE);
        AttentionStyle style = AttentionStyle.of(blocks.rotary(10_000))
                .with(new Attention.Variations(clip, false, 0, Attention.Temperature.ONE));
        int experts = common.experts("num_experts");
        int inner = common.width("intermediate_size");
        boolean renormalise = config.flag("norm_topk_prob", false);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String name = common.naming().layer(layer) + ".self_attn";
            layers.add(common.layer(
                    layer,
                    blocks.attention(name, layer, style.with(blocks.fullWidthNorm(name))),
                    new SoftmaxMoe(common, common.naming().layer(layer) + ".mlp", layer, SoftmaxMoe.USUAL)
                            .of(experts, inner, renormalise)));
        }
        return common.decoder(layers);
    }
}
