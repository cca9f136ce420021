package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// gpt-oss: sinks, sliding and full attention by turns, biases everywhere, fused experts with interleaved gate and up
/// and a clamped SwiGLU.
final class GptOssFamily implements Family {

    private static final float ALPHA = 1.702f; // fixed in the reference implementation
    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    @Override
    public Set<String> modelTypes() {
        return Set.of("gpt_oss");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        ConfigJson config = source.config();
        LlamaBlocks blocks = new LlamaBlocks(common);
        List<String> types = common.layerTypes("layer_types");
        AttentionStyle sliding = AttentionStyle.of(blocks.rotary(SLIDING, 150_000, 1, false))
                .with(new AttentionMask(config.integer("sliding_window", 1, Integer.MAX_VALUE), 0));
        AttentionStyle full = AttentionStyle.of(blocks.rotary(FULL, 150_000, 1, false));
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            String attention = prefix + ".self_attn";
            String type = types.isEmpty() ? (layer % 2 == 0 ? SLIDING : FULL) : types.get(layer);
            AttentionStyle style = switch (type) {
                case SLIDING -> sliding;
                case FULL -> full;
                default -> throw config.unsuitable("layer_types", SLIDING + " or " + FULL + " only");
            };
            layers.add(common.layer(
                    layer,
                    blocks.attention(attention, layer, style.withSinks(attention + ".sinks")),
                    moe(common, prefix + ".mlp", layer)));
        }
        return common.decoder(layers);
    }

    private static SparseMoe moe(CommonConfig common, String name, int layer) {
        int experts = common.experts("num_local_experts");
        int inner = common.width("intermediate_size");
        float limit = (float) common.source().number("swiglu_limit", 7, 0, Float.MAX_VALUE);
        return new SparseMoe(
                Router.of(
                        new Modules(layer).router(name + ".router", experts, common.hidden(), true),
                        new Routing.SoftmaxOfChosen(common.chosen(experts))),
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, common.hidden(), inner)
                        .fused(FusedStack.Layout.IN_OUT, ExpertBlocks.GateRows.EVEN, true),
                new Activation.ClampedSwiglu(ALPHA, limit),
                Optional.empty(),
                Optional.empty());
    }
}
