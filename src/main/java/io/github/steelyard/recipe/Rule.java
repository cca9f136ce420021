package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.yaml.Position;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// One entry of `quant_cfg`.
///
/// @param at where it is written
/// @param pattern shell glob over the full dotted quantizer name
/// @param parentClass only quantizers of modules of this class, for example `nn.Linear`
/// @param stages the attributes that replace all earlier ones, one per quantizer in sequence; empty = only switch on or
///     off, attributes as they are
/// @param asStored whether the attributes are those in which the checkpoint stores what it matches, instead of `stages`
/// @param enable on or off
/// @param imported whether it stands in a file that the recipe imports
public record Rule(
        Position at,
        String pattern,
        Optional<String> parentClass,
        List<QuantizerConfig> stages,
        boolean asStored,
        boolean enable,
        boolean imported) {

    public Rule {
        stages = List.copyOf(stages);
    }

    /// Returns the rule as messages name it: its place and pattern.
    public String label() {
        return "rule '%s'%s at %s"
                .formatted(
                        Printable.brief(pattern),
                        parentClass.map(name -> " on " + name).orElse(""),
                        place());
    }

    /// Returns where the rule stands: its line, and its file if that is not the recipe's.
    public String place() {
        String line = String.format(Locale.ROOT, "line %d", at.line());
        return imported ? line + " of " + Printable.of(String.valueOf(at.file().getFileName())) : line;
    }

    /// Returns what the rule says, on one line, wherever and however it is written.
    public String text() {
        return "%s%s: %s%s"
                .formatted(
                        pattern,
                        parentClass.map(name -> " on " + name).orElse(""),
                        enable ? "on" : "off",
                        asStored ? ", as stored" : stages.isEmpty() ? "" : ", " + stages);
    }
}
