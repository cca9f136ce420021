package io.github.steelyard.evaluation;

import java.nio.file.Path;

/// What is to be compared.
///
/// @param tested what is evaluated; its tokenizer splits the text, and it asks for no logits
/// @param against directory of the checkpoint that it is held against, which is computed as it is stored; may be that
///     of `tested`. An adapter is applied to both
/// @param byLayers whether the outputs of layers and of linear layers are compared too
public record ComparisonRequest(EvaluationRequest tested, Path against, boolean byLayers) {}
