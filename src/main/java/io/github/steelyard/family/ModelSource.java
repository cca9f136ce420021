package io.github.steelyard.family;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.function.Predicate;

/// What a family builds a decoder from.
///
/// @param config the text model's config; in multimodal wrappers an object inside
/// @param outer the whole `config.json`
/// @param modelType the text model's type
/// @param names names of the checkpoint's tensors; none where there is only a config
/// @param checkpoint tells their extents; empty where there is only a config
record ModelSource(
        ConfigJson config,
        ConfigJson outer,
        String modelType,
        NavigableSet<String> names,
        Optional<Checkpoint> checkpoint) {

    /// Returns the source that a `config.json` describes.
    static ModelSource of(ConfigJson outer, NavigableSet<String> names, Optional<Checkpoint> checkpoint) {
        ConfigJson config = outer.textModel();
        String type = config.has("model_type") ? config.string("model_type") : outer.string("model_type");
        return new ModelSource(config, outer, type, names, checkpoint);
    }

    /// Returns the same as if the model were of another type.
    ModelSource as(String otherType) {
        return new ModelSource(config, outer, otherType, names, checkpoint);
    }

    /// Returns whether the text model is part of a multimodal one.
    boolean wrapped() {
        return config != outer;
    }

    /// Returns whether head and embedding share one tensor.
    boolean tied() {
        return config.flag("tie_word_embeddings", outer.flag("tie_word_embeddings", false));
    }

    /// Tells whether the checkpoint holds a tensor.
    Predicate<String> has() {
        return names::contains;
    }

    /// Returns whether the checkpoint holds a tensor whose name begins so.
    boolean hasBelow(String prefix) {
        String first = names.ceiling(prefix);
        return first != null && first.startsWith(prefix);
    }

    /// Returns whether the checkpoint holds a tensor of these extents.
    boolean hasOf(String tensor, Shape extents) {
        return names.contains(tensor)
                && checkpoint
                        .filter(c -> c.tensor(tensor).shape().equals(extents))
                        .isPresent();
    }

    /// Returns whether a module has a weight of its own, in any format.
    boolean hasWeight(String module) {
        return StoredNames.weight(names::contains, module).isPresent();
    }

    /// Returns a number in a closed range, or `absent`.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is there and outside the range
    double number(String key, double absent, double min, double max) {
        return config.has(key) ? number(key, min, max) : absent;
    }

    /// Returns a number in a closed range.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is missing or outside the range
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
