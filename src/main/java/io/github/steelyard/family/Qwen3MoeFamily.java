package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Qwen3-MoE, and the text model of Qwen3-Omni: Qwen3 attention; sparse layers by `decoder_sparse_step` and
/// `mlp_only_layers`.
final class Qwen3MoeFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("qwen3_moe", "qwen3_omni_moe_text");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        ConfigJson config = source.config();
        List<AttentionMask> masks = common.windows(false);
        LlamaBlocks blocks = new LlamaBlocks(common);
        AttentionStyle style = AttentionStyle.of(blocks.rotary(1_000_000));
        List<Integer> dense = config.integers("mlp_only_layers");
        int step = config.integerOr("decoder_sparse_step", 1, 1, CommonConfig.MAX_LAYERS);
        boolean renormalise = config.flag("norm_topk_prob", false);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String name = common.naming().layer(layer) + ".self_attn";
            String mlp = common.naming().layer(layer) + ".mlp";
            boolean sparse = !dense.contains(layer) && (layer + 1) % step == 0;
            Body feedForward = sparse
                    ? new SoftmaxMoe(common, mlp, layer, SoftmaxMoe.USUAL)
                            .of(common.experts("num_experts"), common.width("moe_intermediate_size"), renormalise)
                    : blocks.mlp(mlp, layer, common.width("intermediate_size"), false);
            layers.add(common.layer(
                    layer,
                    blocks.attention(
                            name, layer, style.with(blocks.perHeadNorm(name)).with(masks.get(layer))),
                    feedForward));
        }
        return common.decoder(layers);
    }
}
