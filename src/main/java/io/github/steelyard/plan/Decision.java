package io.github.steelyard.plan;

import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.Site;
import java.util.Optional;

/// What a recipe decides for one site.
///
/// @param site the site
/// @param rule the last rule that matched it; empty if none did
/// @param config the quantizer; empty if it is off
/// @param asStored whether that is so because the checkpoint has it so
public record Decision(Site site, Optional<Rule> rule, Optional<QuantizerConfig> config, boolean asStored) {}
