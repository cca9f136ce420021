package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.AttentionCore;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.mixer.LatentAttention;
import io.github.steelyard.mixer.Rotary;
import io.github.steelyard.mixer.RotaryParameters;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Modules;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceLimit;
import io.github.steelyard.moe.Routing;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// DeepSeek-V2, -V3, -V3.2 and -R1, Kimi-K2, GLM-4.7-Flash, GLM-5, Mistral 4: latent attention, dense layers first,
/// then sparse
/// ones
/// with shared experts.
/// The indexer of V3.2 and GLM-5 selects the `index_topk` keys that a query sees; it is passed through, and sequences
/// in which it
/// would leave some out are refused.
final class DeepseekFamily implements Family {

    private static final String LITE = "glm4_moe_lite";
    private static final String MISTRAL = "mistral4";
    private static final Set<String> SELECTING = Set.of("deepseek_v32", "glm_moe_dsa");
    private static final String LAYER_KINDS = "mlp_layer_types";
    private static final float LATENT_EPSILON = 1e-6f; // fixed in the reference implementation

    @Override
    public Set<String> modelTypes() {
        return Set.of("deepseek_v2", "deepseek_v3", "kimi_k2", LITE, MISTRAL, "deepseek_v32", "glm_moe_dsa");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source);
        if (!selects(source) || !Set.of("indexed_attention").containsAll(common.layerTypes("layer_types"))) {
            common.requireFullAttention();
        }
        common.requireKeys("n_shared_experts", "routed_scaling_factor");
        if (!source.config().has(LAYER_KINDS)) {
            common.requireKeys("first_k_dense_replace");
        }
        requireKeysOfEachHead(common);
        boolean second = source.modelType().equals("deepseek_v2");
        if (!second) {
            common.requireKeys("n_group", "topk_group");
        }
        int experts = common.experts("n_routed_experts");
        boolean mistral = source.modelType().equals(MISTRAL);
        Routing routing = second
                ? softmax(common, experts)
                : mistral ? plainSoftmax(common, experts) : SigmoidRouting.read(common, experts);
        DeepseekFeedForward feedForward = new DeepseekFeedForward(common, experts, routing, !second && !mistral);
        Rotary rotary = rotary(source.config());
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            layers.add(common.layer(layer, attention(common, layer, rotary), feedForward.of(layer)));
        }
        return common.decoder(layers, selects(source) ? indexers(common) : Set.of());
    }

    private static boolean selects(ModelSource source) {
        return SELECTING.contains(source.modelType());
    }

    private static Set<String> indexers(CommonConfig common) {
        return IntStream.range(0, common.layers())
                .mapToObj(layer -> common.naming().layer(layer) + ".self_attn.indexer.")
                .collect(Collectors.toSet());
    }

    private static Optional<SequenceLimit> selected(ModelSource source) {
        if (source.modelType().equals(MISTRAL)) {
            return RotaryParameters.of(source.config()).queriesScaledFrom();
        }
        return selects(source)
                ? Optional.of(new SequenceLimit(
                        source.config().integer("index_topk", 1, Integer.MAX_VALUE),
                        "index_topk, beyond which the indexer hides keys, which is not computed"))
                : Optional.empty();
    }

    /// The latent is expanded to a key and a value for every query head.
    private static void requireKeysOfEachHead(CommonConfig common) {
        if (common.keyHeads() != common.heads()) {
            throw common.config()
                    .unsuitable(
                            "num_key_value_heads",
                            String.format(Locale.ROOT, "num_attention_heads = %d", common.heads()));
        }
    }

    private static Routing softmax(CommonConfig common, int experts) {
        ConfigJson config = common.config();
        common.source().oneOf("scoring_func", List.of("softmax"));
        String method = common.source().oneOf("topk_method", List.of("greedy", "group_limited_greedy"));
        if (config.flag("norm_topk_prob", false)) {
            throw config.unsuitable("norm_topk_prob", "false in this family, whose implementations differ otherwise");
        }
        int groups = method.equals("greedy") ? 1 : SigmoidRouting.groups(config, experts);
        int kept = method.equals("greedy") ? 1 : SigmoidRouting.keptGroups(config, groups);
        int chosen = config.integer("num_experts_per_tok", 1, experts / groups * kept);
        return new Routing.GroupedSoftmax(chosen, groups, kept, SigmoidRouting.scale(common));
    }

    /// Mistral 4, as it is published: one group, and a scale of 1.
    private static Routing plainSoftmax(CommonConfig common, int experts) {
        ConfigJson config = common.config();
        if (SigmoidRouting.groups(config, experts) != 1) {
            throw config.unsuitable("n_group", "1 in this family");
        }
        if (SigmoidRouting.scale(common) != 1) {
            throw config.unsuitable("routed_scaling_factor", "1 in this family");
        }
        return new Routing.Softmax(common.chosen(experts), config.flag("norm_topk_prob", true));
    }

    private static Rotary rotary(ConfigJson config) {
        return RotaryParameters.of(config)
                .rotary(
                        config.integer("qk_rope_head_dim", 2, CommonConfig.MAX_WIDTH),
                        10_000,
                        config.flag("rope_interleave", true));
    }

    private static LatentAttention attention(CommonConfig common, int layer, Rotary rotary) {
        ConfigJson config = common.config();
        String name = common.naming().layer(layer) + ".self_attn";
        Modules modules = new Modules(layer);
        boolean biased = config.flag("attention_bias", false);
        int rotated = 2 * rotary.half();
        int nope = common.width("qk_nope_head_dim");
        int value = common.width("v_head_dim");
        int latent = common.width("kv_lora_rank");
        int queries = Math.multiplyExact(common.heads(), nope + rotated);
        int queryLatent = config.integerOr("q_lora_rank", 0, 1, CommonConfig.MAX_WIDTH);
        String query = name + (queryLatent > 0 ? ".q_a_proj" : ".q_proj");
        String keyValue = name + ".kv_a_proj_with_mqa";
        List<String> inputs = List.of(query, keyValue);
        boolean joined = queryLatent > 0; // with full queries servers keep the two apart
        Linear first = modules.linear(
                query,
                queryLatent > 0 ? queryLatent : queries,
                common.hidden(),
                biased && queryLatent > 0,
                inputs,
                joined ? inputs : List.of(query));
        return new LatentAttention(
                modules.latentAttention(name, latent),
                LinearGroup.of(
                        first,
                        modules.linear(
                                keyValue,
                                latent + rotated,
                                common.hidden(),
                                biased,
                                inputs,
                                joined ? inputs : List.of(keyValue))),
                queryLatent > 0
                        ? Optional.of(new LatentAttention.QueryLatent(
                                Norm.plain(name + ".q_a_layernorm.weight", queryLatent, LATENT_EPSILON),
                                LinearGroup.of(modules.linear(name + ".q_b_proj", queries, queryLatent))))
                        : Optional.empty(),
                Norm.plain(name + ".kv_a_layernorm.weight", latent, LATENT_EPSILON),
                LinearGroup.of(
                        modules.linear(name + ".kv_b_proj", Math.multiplyExact(common.heads(), nope + value), latent)),
                LinearGroup.of(modules.linear(
                        name + ".o_proj",
                        common.hidden(),
                        Math.multiplyExact(common.heads(), value),
                        biased,
                        List.of(name + ".o_proj"))),
                rotary,
                new AttentionCore(
                        common.heads(),
                        common.heads(),
                        nope + rotated,
                        value,
                        scale(config, nope + rotated),
                        AttentionMask.CAUSAL),
                selected(common.source()));
    }

    /// Returns the factor on scores: `width^-½`, times the square of YaRN's `m` where the config has `mscale_all_dim`.
    private static float scale(ConfigJson config, int width) {
        RotaryParameters parameters = RotaryParameters.of(config);
        double allDimensions = parameters.allDimensionsMscale();
        double m = parameters.type().equals("yarn") && allDimensions != 0
                ? RotaryParameters.yarnMscale(parameters.factor(), allDimensions)
                : 1;
        return (float) (m * m / Math.sqrt(width));
    }
}
