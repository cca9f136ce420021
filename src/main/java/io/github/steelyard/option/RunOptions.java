package io.github.steelyard.option;

import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// How a finished run is put to use: nothing here needs another forward pass.
public final class RunOptions {

    @Option(
            names = "--checkpoint",
            paramLabel = "DIR",
            description = "The calibrated checkpoint, if it has moved since.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--recipe",
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "Another recipe than that of the run; --set alone is set over that of the run.")
    @Nullable
    String recipe;

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    @Option(
            names = "--sharing",
            paramLabel = "expert|layer",
            description = "Whether each expert or each layer has one input scale, instead of what the recipe says.")
    ExportOptions.@Nullable Sharing sharing;

    public boolean used() {
        return recipe != null || recipes.used() || sharing != null || checkpoint != null;
    }

    /// Returns a run, put to use so.
    public FinishedRun of(Path directory) {
        if (recipe == null && !recipes.roots.isEmpty()) {
            throw new UsageException("--recipe-path: no effect without --recipe");
        }
        return new FinishedRun(
                directory,
                Optional.ofNullable(checkpoint),
                Optional.ofNullable(recipe).map(recipes::read),
                recipe == null ? recipes.settings : List.of(),
                Optional.ofNullable(sharing));
    }
}
