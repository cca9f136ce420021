package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.recipe.CalibrationOptions.UnmatchedRules;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.Role;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Rules that do not do what they look like.
final class RuleCheck {

    private static final int MOST_NAMED = 6;

    private RuleCheck() {}

    /// Looks for rules that match nothing or decide nothing.
    static void check(
            Recipe recipe,
            List<RuleUse> uses,
            Collection<Decision> decisions,
            Problems problems,
            List<PlanWarning> warnings) {
        unmatched(recipe, uses, decisions, problems, warnings);
        excludesNothing(uses, warnings);
        overruled(uses, warnings);
    }

    /// Looks for quantizers without a rule and attributes without an effect.
    static void check(Collection<Decision> decisions, List<PlanWarning> warnings) {
        undecided(decisions, warnings);
        withoutEffect(decisions, warnings);
    }

    /// Recipes carry alternatives for the names of several families: a rule that matches nothing is an error only where
    /// nothing of its kind is on, so that it has not done what it is for.
    private static void unmatched(
            Recipe recipe,
            List<RuleUse> uses,
            Collection<Decision> decisions,
            Problems problems,
            List<PlanWarning> warnings) {
        Set<Role> on = EnumSet.noneOf(Role.class);
        decisions.stream()
                .filter(decision -> decision.config().isPresent())
                .forEach(decision -> on.add(decision.site().role()));
        boolean fail = recipe.calibration().unmatchedRules() == UnmatchedRules.FAIL;
        List<Rule> idle = new ArrayList<>();
        for (RuleUse use : uses) {
            if (use.matched() == 0 && use.rule().enable()) {
                if (fail && kinds(use.rule()).stream().noneMatch(on::contains)) {
                    problems.add(
                            use.rule().at(),
                            use.rule().label(),
                            "switches quantizers on, but matches none of this model, and none of its kind is on; take"
                                    + " it out, or set calibration.unmatched_rules: warn");
                } else {
                    idle.add(use.rule());
                }
            }
        }
        if (!idle.isEmpty()) {
            warnings.add(new PlanWarning(
                    PlanWarning.MATCHES_NOTHING,
                    Integer.toString(idle.size()),
                    "%s to switch quantizers on match%s nothing in this model: %s"
                            .formatted(
                                    Printable.count(idle.size(), "rule"),
                                    idle.size() == 1 ? "es" : "",
                                    named(idle.stream().map(RuleCheck::place).toList()))));
        }
    }

    /// Returns the roles that the rule's pattern is about, all where it names none.
    private static Set<Role> kinds(Rule rule) {
        Set<Role> kinds = EnumSet.noneOf(Role.class);
        for (Role role : Role.values()) {
            String word = switch (role) {
                case WEIGHT -> "weight";
                case INPUT -> "input";
                case OUTPUT -> "output";
                case KEY, VALUE, LATENT, ROTATED_KEY -> "bmm";
            };
            if (rule.pattern().contains(word)) {
                kinds.add(role);
            }
        }
        return kinds.isEmpty() ? EnumSet.allOf(Role.class) : kinds;
    }

    private static void excludesNothing(List<RuleUse> uses, List<PlanWarning> warnings) {
        List<String> idle = uses.stream()
                .filter(use -> use.matched() == 0 && !use.rule().enable())
                .map(use -> place(use.rule()))
                .toList();
        if (!idle.isEmpty()) {
            warnings.add(new PlanWarning(
                    "rule.excludes_nothing",
                    Integer.toString(idle.size()),
                    "%s to switch quantizers off match%s nothing in this model: %s"
                            .formatted(
                                    Printable.count(idle.size(), "rule"), idle.size() == 1 ? "es" : "", named(idle))));
        }
    }

    private static String place(Rule rule) {
        return "'%s' (%s)".formatted(Printable.brief(rule.pattern()), rule.place());
    }

    private static String named(List<String> texts) {
        int more = texts.size() - MOST_NAMED;
        return texts.stream().limit(MOST_NAMED).collect(Collectors.joining(", "))
                + (more > 0 ? String.format(Locale.ROOT, " and %d more", more) : "");
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
                            .formatted(
                                    first,
                                    open.size() > 1 ? " and " + Printable.count(open.size() - 1, "other") : "")));
        }
    }

    private static void withoutEffect(Collection<Decision> decisions, List<PlanWarning> warnings) {
        SortedMap<String, Integer> counts = new TreeMap<>();
        decisions.stream()
                .flatMap(decision -> decision.config().stream())
                .flatMap(config -> config.withoutEffect().keySet().stream())
                .filter(name -> !name.equals("effective_bits")) // a cost for ModelOpt's search, in each of its units
                .forEach(name -> counts.merge(name, 1, Integer::sum));
        for (Map.Entry<String, Integer> count : counts.entrySet()) {
            warnings.add(new PlanWarning(
                    "attribute.without_effect",
                    count.getKey(),
                    "attribute %s of %s has no effect on calibration or export"
                            .formatted(count.getKey(), Printable.count(count.getValue(), "quantizer"))));
        }
    }
}
