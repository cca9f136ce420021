package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import java.util.List;
import java.util.function.Predicate;

/// What a family builds a decoder from.
///
/// @param config the text model's config; in multimodal wrappers the object `text_config`
/// @param outer the whole `config.json`
/// @param has tells whether the checkpoint holds a tensor; always false where there is only a config
record ModelSource(ConfigJson config, ConfigJson outer, Predicate<String> has) {

    /// Returns the source that a `config.json` describes.
    static ModelSource of(ConfigJson outer, Predicate<String> has) {
        return new ModelSource(outer.object("text_config").orElse(outer), outer, has);
    }

    /// Returns the text model's type.
    String modelType() {
        return config.has("model_type") ? config.string("model_type") : outer.string("model_type");
    }

    /// Returns whether the text model is part of a multimodal one.
    boolean wrapped() {
        return outer.has("text_config");
    }

    /// Returns whether head and embedding share one tensor.
    boolean tied() {
        return config.flag("tie_word_embeddings", outer.flag("tie_word_embeddings", false));
    }

    /// Returns whether a module has a weight of its own, in any format.
    boolean hasWeight(String module) {
        return has.test(module + ".weight") || has.test(module + ".weight_packed");
    }

    /// Returns a number in a closed range, or `absent`.
    ///
    /// @throws io.github.steelyard.checkpoint.CheckpointException if it is there and outside the range
    double number(String key, double absent, double min, double max) {
        return config.has(key) ? number(key, min, max) : absent;
    }

    /// Returns a number in a closed range.
    ///
    /// @throws io.github.steelyard.checkpoint.CheckpointException if it is missing or outside the range
    double number(String key, double min, double max) {
        double value = config.number(key);
        if (value < min || value > max) {
            throw config.unsuitable(key, "a number in %s..%s".formatted(min, max));
        }
        return value;
    }

    /// Refuses any value of `key` but those in `known`; an absent key is taken as the first of them.
    String oneOf(String key, List<String> known) {
        String value = config.stringOr(key, known.getFirst());
        if (!known.contains(value)) {
            throw config.unsuitable(key, known.size() == 1 ? known.getFirst() : "one of " + known);
        }
        return value;
    }
}
