package io.github.steelyard.family;

import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// GLM-4.5: half-rotated attention with biases on q, k and v, feed-forward blocks as in DeepSeek-V3.
final class GlmMoeFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("glm4_moe");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        common.requireFullAttention();
        common.requireKeys(
                "first_k_dense_replace", "n_shared_experts", "n_group", "topk_group", "routed_scaling_factor");
        LlamaBlocks blocks = new LlamaBlocks(common);
        boolean headNorms = source.config().flag("use_qk_norm", false);
        AttentionStyle style =
                AttentionStyle.of(blocks.rotary(1_000_000, 0.5, false)).withoutOutputBias();
        int experts = common.experts("n_routed_experts");
        DeepseekFeedForward feedForward =
                new DeepseekFeedForward(common, experts, SigmoidRouting.read(common, experts), true);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String name = common.naming().layer(layer) + ".self_attn";
            layers.add(common.layer(
                    layer,
                    blocks.attention(name, layer, headNorms ? style.with(blocks.perHeadNorm(name)) : style),
                    feedForward.of(layer)));
        }
        return common.decoder(layers);
    }
}
