package io.github.steelyard.recipe;

import io.github.steelyard.recipe.CalibrationOptions.UnmatchedRules;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Rules that do not do what they look like.
final class RuleCheck {

    private static final int MOST_NAMED = 6;

    private RuleCheck() {}

    /// Looks for rules that match nothing or decide nothing.
    static void check(Recipe recipe, List<RuleUse> uses, Problems problems, List<PlanWarning> warnings) {
        unmatched(recipe, uses, problems, warnings);
        excludesNothing(uses, warnings);
        overruled(uses, warnings);
    }

    /// Looks for quantizers without a rule and attributes without an effect.
    static void check(Collection<Decision> decisions, List<PlanWarning> warnings) {
        undecided(decisions, warnings);
        withoutEffect(decisions, warnings);
    }

    private static void unmatched(Recipe recipe, List<RuleUse> uses, Problems problems, List<PlanWarning> warnings) {
        boolean fail = recipe.calibration().unmatchedRules() == UnmatchedRules.FAIL;
        for (RuleUse use : uses) {
            if (use.matched() == 0 && use.rule().enable()) {
                String message = "switches quantizers on, but matches none of this model";
                if (fail) {
                    problems.add(
                            use.rule().at(),
                            use.rule().label(),
                            message + "; take it out, or set calibration.unmatched_rules: warn");
                } else {
                    warnings.add(new PlanWarning(
                            PlanWarning.MATCHES_NOTHING,
                            use.rule().label(),
                            use.rule().label() + " " + message));
                }
            }
        }
    }

    private static void excludesNothing(List<RuleUse> uses, List<PlanWarning> warnings) {
        List<Rule> idle = uses.stream()
                .filter(use -> use.matched() == 0 && !use.rule().enable())
                .map(RuleUse::rule)
                .toList();
        if (!idle.isEmpty()) {
            String named = idle.stream()
                    .limit(MOST_NAMED)
                    .map(rule -> "'%s' (line %d)"
                            .formatted(Text.brief(rule.pattern()), rule.at().line()))
                    .collect(Collectors.joining(", "));
            warnings.add(new PlanWarning(
                    "rule.excludes_nothing",
                    Integer.toString(idle.size()),
                    "%s to switch quantizers off match nothing in this model: %s%s"
                            .formatted(Text.count(idle.size(), "rule"), named, idle.size() > MOST_NAMED ? ", …" : "")));
        }
    }

    private static void overruled(List<RuleUse> uses, List<PlanWarning> warnings) {
        uses.stream()
                .filter(use -> use.rule().enable() && use.matched() > 0 && use.deciding() == 0)
                .map(use -> use.rule().label())
                .forEach(label -> warnings.add(new PlanWarning(
                        "rule.overruled", label, label + " decides nothing: later rules match all that it matches")));
    }

    private static void undecided(Collection<Decision> decisions, List<PlanWarning> warnings) {
        List<Decision> open =
                decisions.stream().filter(decision -> decision.rule().isEmpty()).toList();
        if (!open.isEmpty()) {
            String first = open.getFirst().site().name();
            warnings.add(new PlanWarning(
                    "quantizer.undecided",
                    first,
                    "no rule matches %s%s: off here, 8-bit integers in ModelOpt; begin with a rule '*', enable: false"
                            .formatted(first, open.size() > 1 ? " and " + Text.count(open.size() - 1, "other") : "")));
        }
    }

    private static void withoutEffect(Collection<Decision> decisions, List<PlanWarning> warnings) {
        SortedMap<String, Integer> counts = new TreeMap<>();
        decisions.stream()
                .flatMap(decision -> decision.config().stream())
                .flatMap(config -> config.withoutEffect().keySet().stream())
                .forEach(name -> counts.merge(name, 1, Integer::sum));
        for (Map.Entry<String, Integer> count : counts.entrySet()) {
            warnings.add(new PlanWarning(
                    "attribute.without_effect",
                    count.getKey(),
                    "attribute %s of %s has no effect on calibration or export"
                            .formatted(count.getKey(), Text.count(count.getValue(), "quantizer"))));
        }
    }
}
