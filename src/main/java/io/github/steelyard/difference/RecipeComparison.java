package io.github.steelyard.difference;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.difference.Difference.DecisionChange;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.job.Inputs;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.plan.Decision;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.PlanReport;
import io.github.steelyard.site.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Compares what two recipes decide for one model.
final class RecipeComparison {

    private static final String QUANTIZE = "quantize";

    private RecipeComparison() {}

    static Difference.Recipes of(Recipe a, Recipe b, Path checkpoint, JobListener listener) {
        ModelConfigs configs = ModelConfigs.read(checkpoint);
        return Inputs.described(configs, (decoder, opened) -> {
            Plan one = Inputs.plan(a, configs.quantization(), opened, decoder);
            Plan other = Inputs.plan(b, configs.quantization(), opened, decoder);
            for (Plan plan : List.of(one, other)) {
                PlanReport.warnings(plan).forEach(warning -> listener.finding(warning.finding()));
            }
            return compare(one, other, checkpoint);
        });
    }

    private static Difference.Recipes compare(Plan one, Plan other, Path checkpoint) {
        Set<Site> sites = new LinkedHashSet<>();
        one.decisions().forEach(decision -> sites.add(decision.site()));
        other.decisions().forEach(decision -> sites.add(decision.site()));
        int equal = 0;
        List<DecisionChange> different = new ArrayList<>();
        for (Site site : sites) {
            String ours = text(one.decision(site));
            String theirs = text(other.decision(site));
            if (ours.equals(theirs)) {
                equal++;
            } else {
                different.add(new DecisionChange(
                        site.name(), ours, rule(one.decision(site)), theirs, rule(other.decision(site))));
            }
        }
        return new Difference.Recipes(
                one.recipe().file().toString(),
                other.recipe().file().toString(),
                checkpoint,
                leaves(one.recipe()).against(leaves(other.recipe())),
                equal,
                different);
    }

    private static String text(Optional<Decision> decision) {
        return decision.filter(Decision::asStored).isPresent()
                ? "as stored"
                : decision.flatMap(Decision::config)
                        .map(QuantizerConfig::toString)
                        .orElse("off");
    }

    private static Optional<String> rule(Optional<Decision> decision) {
        return decision.flatMap(Decision::rule).map(rule -> rule.place() + ": " + rule.pattern());
    }

    /// What a recipe says beside its rules, whose effect is compared, and what it says of itself.
    private static JsonLeaves leaves(Recipe recipe) {
        ObjectNode resolved = ConfigJson.parse(recipe.file(), recipe.resolved()).copy();
        resolved.remove("metadata");
        if (resolved.get(QUANTIZE) instanceof ObjectNode quantize) {
            quantize.remove("quant_cfg");
        }
        return new JsonLeaves().add("", resolved);
    }
}
