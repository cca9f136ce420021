package io.github.steelyard.plan;

import io.github.steelyard.recipe.Rule;

/// What one rule did to a model.
///
/// @param matched quantizers whose name it matched
/// @param deciding those of them for which no later rule matched
public record RuleUse(Rule rule, int matched, int deciding) {}
