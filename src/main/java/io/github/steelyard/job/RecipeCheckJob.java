package io.github.steelyard.job;

import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.PlanReport;
import io.github.steelyard.report.RecipeReport;
import java.nio.file.Path;
import java.util.Optional;

/// Says whether Steelyard runs what a recipe says, and what each rule does to a checkpoint.
public final class RecipeCheckJob {

    private RecipeCheckJob() {}

    /// Checks a recipe. No weight is read.
    ///
    /// @param checkpoint directory with a `config.json`, weights or not; empty: the recipe alone is looked at
    /// @throws io.github.steelyard.files.CheckpointException if the config cannot be used, or the weights beside it
    /// @throws io.github.steelyard.recipe.RecipeException if it says what Steelyard does not run, or does not fit the
    ///     checkpoint
    public static RecipeReport run(Recipe recipe, Optional<Path> checkpoint, JobListener listener) {
        if (checkpoint.isEmpty()) {
            Plan.algorithmWarnings(recipe).forEach(warning -> listener.finding(warning.finding()));
            return RecipeReport.of(recipe);
        }
        ModelConfigs configs = ModelConfigs.read(checkpoint.get());
        return Inputs.described(configs, (decoder, opened) -> {
            Plan plan = Inputs.plan(recipe, configs.quantization(), opened, decoder);
            PlanReport.warnings(plan).forEach(warning -> listener.finding(warning.finding()));
            return RecipeReport.of(plan, configs.directory(), PlanReport.modules(configs, decoder, Optional.of(plan)));
        });
    }
}
