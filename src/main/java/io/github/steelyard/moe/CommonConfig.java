package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Norm;
import java.util.List;

/// The config keys that nearly every family has, read and checked.
///
/// @param config the config that they come from
/// @param hidden width of the residual stream
/// @param layers number of decoder layers
/// @param vocabulary rows of the embedding
/// @param heads query heads
/// @param keyHeads key and value heads
/// @param headWidth width of a head
/// @param epsilon ε of the norms
record CommonConfig(
        ConfigJson config,
        int hidden,
        int layers,
        int vocabulary,
        int heads,
        int keyHeads,
        int headWidth,
        float epsilon) {

    /// Bounds beyond every published model, so that a hostile config cannot ask for absurd amounts of memory.
    static final int MAX_LAYERS = 1024;

    static final int MAX_WIDTH = 1 << 20;
    static final int MAX_HEADS = 4096;
    static final int MAX_EXPERTS = 4096;
    static final int MAX_VOCABULARY = 1 << 22;

    static CommonConfig read(ConfigJson config) {
        int hidden = config.integer("hidden_size", 1, MAX_WIDTH);
        int heads = config.integer("num_attention_heads", 1, MAX_HEADS);
        int keyHeads = config.integerOr("num_key_value_heads", heads, 1, MAX_HEADS);
        if (heads % keyHeads != 0) {
            throw config.unsuitable("num_key_value_heads", "a divisor of num_attention_heads = %d".formatted(heads));
        }
        String act = config.stringOr("hidden_act", "silu");
        if (!act.equals("silu") && !act.equals("swish")) {
            throw config.unsuitable("hidden_act", "silu");
        }
        return new CommonConfig(
                config,
                hidden,
                config.integer("num_hidden_layers", 1, MAX_LAYERS),
                config.integer("vocab_size", 1, MAX_VOCABULARY),
                heads,
                keyHeads,
                config.integerOr("head_dim", Math.max(1, hidden / heads), 1, MAX_WIDTH),
                (float) config.numberOr("rms_norm_eps", 1e-6));
    }

    /// Returns a plain norm over the residual stream.
    Norm norm(String name) {
        return Norm.plain(name + ".weight", hidden, epsilon);
    }

    /// Returns the decoder of these layers in the usual naming: `model.embed_tokens`, `model.norm`, `lm_head`.
    Decoder decoder(List<Decoder.Layer> layerList, List<String> ignored) {
        ModuleInfo head =
                new ModuleInfo("lm_head", ModuleInfo.Kind.HEAD, vocabulary, hidden, -1, -1, List.of("lm_head"));
        return new Decoder(
                config.string("model_type"),
                "model.embed_tokens.weight",
                vocabulary,
                hidden,
                layerList,
                norm("model.norm"),
                head,
                config.flag("tie_word_embeddings", false),
                ignored);
    }
}
