package io.github.steelyard.family;

import io.github.steelyard.model.Decoder;
import java.util.Set;

/// A model family: how a config becomes a [Decoder] of blocks.
interface Family {

    /// Returns the values of `model_type` that this family answers to.
    Set<String> modelTypes();

    /// Builds the decoder.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if a key is missing or out of range
    Decoder build(ModelSource source);
}
