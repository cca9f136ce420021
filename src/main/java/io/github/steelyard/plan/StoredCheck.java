package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// What a plan does to weights that are quantised already.
final class StoredCheck {

    private StoredCheck() {}

    static void check(
            Recipe recipe,
            Collection<Decision> decisions,
            Map<Site, Format> stored,
            Problems problems,
            List<PlanWarning> warnings) {
        requireSomethingStored(recipe, decisions, problems);
        roundedAgain(decisions, stored, warnings);
    }

    /// A recipe that keeps what is stored has nothing to do where all is plain.
    private static void requireSomethingStored(Recipe recipe, Collection<Decision> decisions, Problems problems) {
        boolean on = decisions.stream().anyMatch(decision -> decision.config().isPresent());
        Optional<Rule> keeping = recipe.rules().stream().filter(Rule::asStored).findFirst();
        if (!on && keeping.isPresent()) {
            problems.add(
                    keeping.get().at(),
                    keeping.get().label(),
                    "as_stored, but the checkpoint holds nothing in a format that is written here, so nothing is on");
        }
    }

    private static void roundedAgain(
            Collection<Decision> decisions, Map<Site, Format> stored, List<PlanWarning> warnings) {
        Map<String, Integer> changes = new TreeMap<>();
        for (Decision decision : decisions) {
            Format before = stored.get(decision.site());
            Optional<Format> after = decision.config().flatMap(QuantizerConfig::format);
            if (decision.site().role() == Role.WEIGHT && before != null && after.isPresent() && after.get() != before) {
                changes.merge("from %s to %s".formatted(before, after.get()), 1, Integer::sum);
            }
        }
        if (!changes.isEmpty()) {
            int all = changes.values().stream().mapToInt(Integer::intValue).sum();
            warnings.add(new PlanWarning(
                    "weight.rounded_again",
                    Integer.toString(all),
                    "%s stored quantised get%s another format, so they are decoded and rounded again: %s"
                            .formatted(
                                    Printable.count(all, "weight"),
                                    all == 1 ? "s" : "",
                                    changes.entrySet().stream()
                                            .map(change -> String.format(
                                                    Locale.ROOT, "%d %s", change.getValue(), change.getKey()))
                                            .collect(Collectors.joining(", ")))));
        }
    }
}
