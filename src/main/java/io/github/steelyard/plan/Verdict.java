package io.github.steelyard.plan;

import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Rule;
import java.util.List;
import java.util.Optional;

/// What the rules made of one quantizer.
///
/// @param rule the last rule that matched; empty if none did
/// @param stages the attributes in force, one per quantizer in sequence; empty if no rule gave any
/// @param asStored whether the attributes in force are those of the checkpoint
/// @param enable on or off
record Verdict(Optional<Rule> rule, List<QuantizerConfig> stages, boolean asStored, boolean enable) {

    /// Before the first rule: nothing is set, nothing is on.
    static final Verdict NONE = new Verdict(Optional.empty(), List.of(), false, false);

    /// Returns the verdict after `next` matched: attributes, where it has any, replace all earlier ones.
    Verdict then(Rule next) {
        boolean sets = next.asStored() || !next.stages().isEmpty();
        return new Verdict(
                Optional.of(next), sets ? next.stages() : stages, sets ? next.asStored() : asStored, next.enable());
    }
}
