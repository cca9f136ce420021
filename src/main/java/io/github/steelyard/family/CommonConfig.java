package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.AttentionMask;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Norm;
import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/// The config keys that nearly every family has, read and checked.
///
/// @param source where they come from
/// @param naming the names of what lies outside the layers
/// @param hidden width of the residual stream
/// @param layers number of decoder layers
/// @param vocabulary rows of the embedding
/// @param heads query heads
/// @param keyHeads key and value heads
/// @param headWidth width of a head
/// @param epsilon ε of the norms
/// @param normOffset what is added to a norm's weight: 0, or 1 in the zero-centred form
record CommonConfig(
        ModelSource source,
        Naming naming,
        int hidden,
        int layers,
        int vocabulary,
        int heads,
        int keyHeads,
        int headWidth,
        float epsilon,
        float normOffset) {

    /// Bounds beyond every published model, so that a hostile config cannot ask for absurd amounts of memory.
    static final int MAX_LAYERS = 1024;

    static final int MAX_WIDTH = 1 << 20;
    static final int MAX_HEADS = 4096;
    static final int MAX_EXPERTS = 4096;
    static final int MAX_EXPERTS_IN_MODEL = 1 << 17; // some five times those of the largest published model
    static final int MAX_VOCABULARY = 1 << 22;
    static final int MAX_PREDICTED_LAYERS = 64;

    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";
    private static final int WINDOW = 4096; // of Qwen3, where its config gives none
    private static final int FIRST_WINDOW_LAYER = 28; // likewise

    /// Reads the keys of a family with Llama's names.
    static CommonConfig read(ModelSource source) {
        return read(source, Naming.llama(source, "language_model.model"));
    }

    static CommonConfig read(ModelSource source, Naming naming) {
        source.oneOf("hidden_act", List.of("silu", "swish"));
        return read(source, naming, "rms_norm_eps", source.config().integer("num_hidden_layers", 1, MAX_LAYERS));
    }

    /// @param epsilonKey name of the key for ε
    /// @param layers number of decoder layers
    static CommonConfig read(ModelSource source, Naming naming, String epsilonKey, int layers) {
        ConfigJson config = source.config();
        int hidden = config.integer("hidden_size", 1, MAX_WIDTH);
        int heads = config.integer("num_attention_heads", 1, MAX_HEADS);
        int keyHeads = config.integerOr("num_key_value_heads", heads, 1, MAX_HEADS);
        if (heads % keyHeads != 0) {
            throw config.unsuitable(
                    "num_key_value_heads", String.format(Locale.ROOT, "a divisor of num_attention_heads = %d", heads));
        }
        return new CommonConfig(
                source,
                naming,
                hidden,
                layers,
                config.integer("vocab_size", 1, MAX_VOCABULARY),
                heads,
                keyHeads,
                config.integerOr("head_dim", Math.max(1, hidden / heads), 1, MAX_WIDTH),
                (float) source.number(epsilonKey, 0, 1),
                0);
    }

    /// Returns the same with zero-centred norms, whose weights are stored less 1.
    CommonConfig withZeroCentredNorms() {
        return new CommonConfig(source, naming, hidden, layers, vocabulary, heads, keyHeads, headWidth, epsilon, 1);
    }

    ConfigJson config() {
        return source.config();
    }

    /// Returns a width under `key`.
    int width(String key) {
        return config().integer(key, 1, MAX_WIDTH);
    }

    /// Returns the number of routed experts of a layer, under `key` or, as transformers writes it, `num_local_experts`.
    int experts(String usual) {
        String key = config().has(usual) || !config().has("num_local_experts") ? usual : "num_local_experts";
        int experts = config().integer(key, 1, MAX_EXPERTS);
        if ((long) layers * experts > MAX_EXPERTS_IN_MODEL) {
            throw config().unsuitable(
                            key,
                            String.format(
                                    Locale.ROOT,
                                    "at most %d experts in %d layers (num_hidden_layers)",
                                    MAX_EXPERTS_IN_MODEL,
                                    layers));
        }
        return experts;
    }

    /// Returns an integer, which a config may give for each layer if it is the same in all.
    int uniform(String key, int min, int max) {
        if (!config().isArray(key)) {
            return config().integer(key, min, max);
        }
        Set<Integer> values = new TreeSet<>(config().integers(key));
        int value = values.size() == 1 ? values.iterator().next() : min - 1;
        if (value < min || value > max) {
            throw config().unsuitable(
                            key, String.format(Locale.ROOT, "an integer in %d..%d, the same in all layers", min, max));
        }
        return value;
    }

    /// Returns the number of experts that each token is sent to.
    int chosen(int experts) {
        String usual = "num_experts_per_tok";
        return config().integer(config().has(usual) ? usual : "experts_per_token", 1, experts);
    }

    /// Refuses layers in which a query does not see all keys before it: sliding windows of families that are published
    /// without.
    void requireFullAttention() {
        if (config().flag("use_sliding_window", false)) {
            throw config().unsuitable("use_sliding_window", "false, since windows of this family are not computed");
        }
        if (!Set.of(FULL).containsAll(layerTypes("layer_types"))) {
            throw config().unsuitable("layer_types", "full_attention only");
        }
    }

    /// Returns which keys each layer of Qwen3 sees: with `use_sliding_window` those of a window, in dense models from
    /// layer `max_window_layers` on.
    List<AttentionMask> windows(boolean dense) {
        ConfigJson config = config();
        List<String> types = layerTypes("layer_types");
        boolean used = config.flag("use_sliding_window", false) && !config.isNull("sliding_window");
        AttentionMask window =
                new AttentionMask(used ? config.integerOr("sliding_window", WINDOW, 1, Integer.MAX_VALUE) : 0, 0);
        int first = dense ? config.integerOr("max_window_layers", FIRST_WINDOW_LAYER, 0, Integer.MAX_VALUE) : 0;
        List<AttentionMask> masks = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            String type = types.isEmpty() ? (used && layer >= first ? SLIDING : FULL) : types.get(layer);
            if (!type.equals(FULL) && !(type.equals(SLIDING) && used)) {
                throw config.unsuitable("layer_types", used ? FULL + " or " + SLIDING + " only" : FULL + " only");
            }
            masks.add(type.equals(SLIDING) ? window : AttentionMask.CAUSAL);
        }
        return masks;
    }

    /// Refuses a config without one of these keys, though null: their defaults differ between families and programs.
    void requireKeys(String... keys) {
        for (String key : keys) {
            if (!config().has(key) && !config().isNull(key)) {
                throw config().unsuitable(key, "a value");
            }
        }
    }

    /// Returns the types of the layers under `key`, none if it is absent.
    List<String> layerTypes(String key) {
        List<String> types = config().strings(key);
        if (!types.isEmpty() && types.size() != layers) {
            throw config().unsuitable(
                            key, String.format(Locale.ROOT, "%d layer types, as num_hidden_layers says", layers));
        }
        return types;
    }

    /// Returns a norm over the residual stream.
    Norm norm(String name) {
        return norm(name, hidden);
    }

    /// Returns a norm over rows of `width` values.
    Norm norm(String name, int width) {
        return new Norm(name + ".weight", width, epsilon, normOffset);
    }

    /// Returns a decoder layer of two residual blocks, with Llama's names for their norms.
    Decoder.Layer layer(int layer, Body mixer, Body feedForward) {
        String prefix = naming.layer(layer);
        return Decoder.Layer.of(
                new Decoder.Block(norm(prefix + ".input_layernorm"), mixer),
                new Decoder.Block(norm(prefix + ".post_attention_layernorm"), feedForward));
    }

    /// Returns the decoder of these layers. Layers of multi-token prediction behind them are not part of it.
    Decoder decoder(List<Decoder.Layer> layerList) {
        return decoder(layerList, Set.of());
    }

    /// @param besides prefixes of further tensors that are not read
    Decoder decoder(List<Decoder.Layer> layerList, Set<String> besides) {
        int predicted = config().integerOr("num_nextn_predict_layers", 0, 0, MAX_PREDICTED_LAYERS);
        ModuleInfo head =
                new ModuleInfo(naming.head(), ModuleInfo.Kind.HEAD, vocabulary, hidden, -1, List.of(naming.head()));
        Set<String> ignored = naming.ignored(source, layers, Math.max(1, predicted));
        ignored.addAll(besides);
        return new Decoder(
                source.modelType(),
                naming.embedding() + ".weight",
                vocabulary,
                hidden,
                layerList,
                norm(naming.norm()),
                head,
                source.tied(),
                ignored);
    }
}
