package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.job.RecipeCheckJob;
import io.github.steelyard.option.RecipeArgument;
import io.github.steelyard.option.RecipeOptions;
import io.github.steelyard.report.RecipeReport;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `steelyard recipes check`: whether a recipe runs, and which rule decides what.
@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        description = {
            "Says whether this program runs what a recipe says, and rule by rule what it does.",
            "With --checkpoint also which rule decides about each module, and which rules match nothing."
        })
final class RecipesCheckCommand extends SteelyardCommand {

    @Mixin
    RecipeArgument recipe = new RecipeArgument();

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    @Option(names = "--checkpoint", paramLabel = "DIR", description = "Directory with a config.json, weights or not.")
    @Nullable
    Path checkpoint;

    RecipesCheckCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        RecipeReport report =
                RecipeCheckJob.run(recipes.read(recipe.name()), Optional.ofNullable(checkpoint), listener());
        return Outcome.ok(report, report.lines());
    }
}
