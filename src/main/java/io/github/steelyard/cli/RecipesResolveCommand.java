package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.option.RecipeArgument;
import io.github.steelyard.option.RecipeOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.RecipeReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `steelyard recipes resolve`: a recipe with everything filled in.
@Command(
        name = "resolve",
        mixinStandardHelpOptions = true,
        description = "Prints a recipe with its imports filled in and --set applied: the same recipe in one file.")
final class RecipesResolveCommand extends SteelyardCommand {

    @Mixin
    RecipeArgument recipe = new RecipeArgument();

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    RecipesResolveCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Recipe resolved = recipes.read(recipe.name());
        return Outcome.ok(
                RecipeReport.resolved(resolved), resolved.yaml().lines().toList());
    }
}
