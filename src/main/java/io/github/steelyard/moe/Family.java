package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Decoder;
import java.util.Set;
import java.util.function.Predicate;

/// A model family: how a config becomes a [Decoder] of blocks.
interface Family {

    /// Returns the values of `model_type` that this family answers to.
    Set<String> modelTypes();

    /// Builds the decoder.
    ///
    /// @param config the text model's config
    /// @param has tells whether the checkpoint holds a tensor; always false where there is only a config
    /// @throws io.github.steelyard.checkpoint.CheckpointException if a key is missing or out of range
    Decoder build(ConfigJson config, Predicate<String> has);
}
