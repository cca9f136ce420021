package io.github.steelyard.family;

import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.model.Decoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Mixtral: Llama attention, eight or so experts `w1` (gate), `w3` (up), `w2` (down).
final class MixtralFamily implements Family {

    @Override
    public Set<String> modelTypes() {
        return Set.of("mixtral");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        LlamaBlocks blocks = new LlamaBlocks(common);
        int inner = common.width("intermediate_size");
        int experts = common.experts("num_local_experts");
        int window = source.config().integerOr("sliding_window", 0, 0, Integer.MAX_VALUE);
        AttentionStyle style = AttentionStyle.of(blocks.rotary(1_000_000)).with(new AttentionMask(window, 0));
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            layers.add(common.layer(
                    layer,
                    blocks.attention(prefix + ".self_attn", layer, style),
                    new SoftmaxMoe(common, prefix + ".block_sparse_moe", layer, List.of("w1", "w3", "w2"))
                            .of(experts, inner, true)));
        }
        return common.decoder(layers);
    }
}
