package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.mixer.Rotary;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/// The text model of Llama-4: chunked attention with rotated and then normalised queries and keys, every fourth layer
/// without positions; experts whose input the router scales, beside a shared one.
final class Llama4Family implements Family {

    private static final int NO_ROPE_INTERVAL = 4;
    private static final int CHUNK = 8192;
    private static final String CHUNKED = "chunked_attention";
    private static final String FULL = "full_attention";

    @Override
    public Set<String> modelTypes() {
        return Set.of("llama4", "llama4_text");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        LlamaBlocks blocks = new LlamaBlocks(common);
        AttentionStyle rotated = rotated(common, blocks.rotary(CHUNKED, 500_000, 1, true));
        AttentionStyle unrotated =
                AttentionStyle.withoutPositions().with(new Attention.Variations(0, false, 0, temperature(source)));
        Set<Integer> sparse = sparseLayers(common);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            String name = prefix + ".feed_forward";
            Body feedForward = sparse.contains(layer)
                    ? moe(common, name, layer)
                    : blocks.mlp(name, layer, common.width("intermediate_size_mlp"), false);
            boolean rotates = rotates(common, layer);
            AttentionStyle style = (rotates ? rotated : unrotated).with(mask(common, layer, rotates));
            layers.add(common.layer(layer, blocks.attention(prefix + ".self_attn", layer, style), feedForward));
        }
        return common.decoder(layers);
    }

    private static AttentionStyle rotated(CommonConfig common, Rotary rotary) {
        ConfigJson config = common.config();
        float norm = config.flag("use_qk_norm", true) ? common.epsilon() : 0;
        return AttentionStyle.of(rotary).with(new Attention.Variations(0, false, norm, Attention.Temperature.ONE));
    }

    /// Returns which keys a layer sees: those that rotate see their own chunk, unless the config lists otherwise.
    private static AttentionMask mask(CommonConfig common, int layer, boolean rotates) {
        ConfigJson config = common.config();
        List<String> types = common.layerTypes("layer_types");
        return switch (types.isEmpty() ? (rotates ? CHUNKED : FULL) : types.get(layer)) {
            case CHUNKED -> {
                String key = "attention_chunk_size";
                yield new AttentionMask(0, config.isNull(key) ? 0 : config.integerOr(key, CHUNK, 1, Integer.MAX_VALUE));
            }
            case FULL -> AttentionMask.CAUSAL;
            default -> throw config.unsuitable("layer_types", CHUNKED + " or " + FULL + " only");
        };
    }

    /// Returns the factor on queries in layers without positions: it grows with the logarithm of the position.
    private static Attention.Temperature temperature(ModelSource source) {
        ConfigJson config = source.config();
        boolean tuned = config.isNumber("attn_temperature_tuning")
                ? config.number("attn_temperature_tuning") != 0
                : config.flag("attn_temperature_tuning", true);
        double scale = source.number("attn_scale", 0.1, 0, 1e3);
        double floor = source.number("floor_scale", 8192, 1, 1e9);
        return tuned
                ? position -> (float) (scale * Math.log(1 + Math.floor((position + 1) / floor)) + 1)
                : Attention.Temperature.ONE;
    }

    private static boolean rotates(CommonConfig common, int layer) {
        List<Integer> list = common.config().integers("no_rope_layers"); // inverted: 1 means that the layer rotates
        if (list.isEmpty()) {
            int interval =
                    common.config().integerOr("no_rope_layer_interval", NO_ROPE_INTERVAL, 1, CommonConfig.MAX_LAYERS);
            return (layer + 1) % interval != 0;
        }
        if (list.size() != common.layers()) {
            throw common.config().unsuitable("no_rope_layers", "an entry for each of the layers");
        }
        return list.get(layer) != 0;
    }

    private static Set<Integer> sparseLayers(CommonConfig common) {
        if (common.config().has("moe_layers")) {
            return Set.copyOf(common.config().integers("moe_layers"));
        }
        int step = common.config().integerOr("interleave_moe_layer_step", 1, 1, CommonConfig.MAX_LAYERS);
        return Set.copyOf(IntStream.range(0, common.layers())
                .filter(layer -> (layer + 1) % step == 0)
                .boxed()
                .toList());
    }

    private static SparseMoe moe(CommonConfig common, String name, int layer) {
        int experts = common.experts("num_local_experts");
        int inner = common.width("intermediate_size");
        return new SparseMoe(
                Router.of(
                        new Modules(layer).router(name + ".router", experts, common.hidden(), false),
                        new Routing.SigmoidOfChosen(common.chosen(experts))),
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, common.hidden(), inner)
                        .fused(FusedStack.Layout.IN_OUT, ExpertBlocks.GateRows.FIRST_HALF, false),
                new Activation.GatedSilu(),
                Optional.of(new SharedExpert(
                        new LlamaBlocks(common).mlp(name + ".shared_expert", layer, inner, false), Optional.empty())),
                Optional.empty());
    }
}
