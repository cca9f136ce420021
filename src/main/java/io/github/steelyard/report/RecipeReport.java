package io.github.steelyard.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.files.Printable;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.RuleUse;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.recipe.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a recipe says, and what it does to a checkpoint.
///
/// @param recipe its file
/// @param description what it says of itself
/// @param digest SHA-256 of the resolved recipe in hexadecimal digits
/// @param sources the files on disk that it was read from
/// @param set what was set over it
/// @param algorithms the names of its algorithms
/// @param rules its rules, top to bottom
/// @param checkpoint the checkpoint; null without one
/// @param modules what each module of it is and becomes; empty without one
public record RecipeReport(
        String recipe,
        String description,
        String digest,
        List<String> sources,
        List<String> set,
        List<String> algorithms,
        List<RuleRow> rules,
        @Nullable String checkpoint,
        List<PlanReport.Module> modules) {

    /// One rule.
    ///
    /// @param place where it stands
    /// @param pattern what it matches
    /// @param parentClass the class that it is limited to; null if it is not
    /// @param enable whether it switches on
    /// @param attributes what it sets, an entry for each quantizer in sequence, or `as stored`; empty where it only
    ///     switches
    /// @param format the format of these that Steelyard writes; null if there is none
    /// @param matched how many quantizers of the checkpoint it matches; null without one
    /// @param decides how many of these no later rule matches; null without one
    public record RuleRow(
            String place,
            String pattern,
            @Nullable String parentClass,
            boolean enable,
            List<String> attributes,
            @Nullable String format,
            @Nullable Integer matched,
            @Nullable Integer decides) {}

    /// Reports on a recipe alone.
    public static RecipeReport of(Recipe recipe) {
        return report(
                recipe,
                recipe.rules().stream().map(rule -> row(rule, Optional.empty())).toList(),
                null,
                List.of());
    }

    /// Reports on a recipe and a checkpoint.
    public static RecipeReport of(Plan plan, Path checkpoint, List<PlanReport.Module> modules) {
        return report(
                plan.recipe(),
                plan.rules().stream()
                        .map(use -> row(use.rule(), Optional.of(use)))
                        .toList(),
                checkpoint.toString(),
                modules);
    }

    private static RecipeReport report(
            Recipe recipe, List<RuleRow> rules, @Nullable String checkpoint, List<PlanReport.Module> modules) {
        return new RecipeReport(
                recipe.file().toString(),
                recipe.description(),
                recipe.digest(),
                recipe.sources().stream().map(Path::toString).toList(),
                recipe.settings().stream().map(Setting::text).toList(),
                recipe.algorithms().stream()
                        .map(algorithm -> algorithm.method().name())
                        .toList(),
                rules,
                checkpoint,
                modules);
    }

    private static RuleRow row(Rule rule, Optional<RuleUse> use) {
        return new RuleRow(
                rule.place(),
                rule.pattern(),
                rule.parentClass().orElse(null),
                rule.enable(),
                rule.asStored()
                        ? List.of("as stored")
                        : rule.stages().stream().map(QuantizerConfig::toString).toList(),
                rule.stages().size() == 1
                        ? rule.stages()
                                .getFirst()
                                .format()
                                .map(Object::toString)
                                .orElse(null)
                        : null,
                use.map(RuleUse::matched).orElse(null),
                use.map(RuleUse::deciding).orElse(null));
    }

    /// Returns a recipe as a tree: its imports filled in, its settings applied.
    public static JsonNode resolved(Recipe recipe) {
        try {
            return new JsonMapper().readTree(recipe.resolved());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a resolved recipe is JSON", e);
        }
    }

    /// Returns the report for people.
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("recipe %s, digest %s".formatted(Printable.of(recipe), digest));
        if (!description.isEmpty()) {
            lines.add("  " + Printable.of(description));
        }
        lines.add("  algorithm %s%s"
                .formatted(String.join(", ", algorithms), set.isEmpty() ? "" : "; set " + String.join(", ", set)));
        lines.add(checkpoint == null ? "rules:" : "rules on %s:  matched, decides".formatted(checkpoint));
        rules.forEach(rule -> lines.add(line(rule)));
        if (checkpoint != null) {
            lines.addAll(PlanReport.rows(modules));
            long idle = rules.stream()
                    .filter(rule -> rule.matched != null && rule.matched == 0)
                    .count();
            lines.add(String.format(Locale.ROOT, "%d of %d rules match nothing", idle, rules.size()));
        }
        return lines;
    }

    private static String line(RuleRow rule) {
        String counts = rule.matched == null
                ? ""
                : String.format(
                        Locale.ROOT,
                        "%8d %8d",
                        rule.matched,
                        Optional.ofNullable(rule.decides).orElse(0));
        String does = rule.enable ? "on" : "off";
        String what = Stream.of(
                        rule.parentClass == null ? "" : "on " + rule.parentClass,
                        does,
                        rule.format != null ? rule.format : String.join(" then ", rule.attributes))
                .filter(word -> !word.isEmpty())
                .reduce("", (all, word) -> all.isEmpty() ? word : all + ", " + word);
        return "%s  %-44s %s  (%s)".formatted(counts, "'" + Printable.brief(rule.pattern) + "'", what, rule.place);
    }
}
