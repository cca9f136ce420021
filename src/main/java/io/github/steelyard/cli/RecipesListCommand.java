package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.recipe.RecipeLibrary;
import java.util.List;
import picocli.CommandLine.Command;

/// `steelyard recipes list`: the shipped recipes.
@Command(name = "list", mixinStandardHelpOptions = true, description = "Lists the shipped recipes.")
final class RecipesListCommand extends SteelyardCommand {

    RecipesListCommand(Console console) {
        super(console);
    }

    /// What `--json` prints of each.
    record Shipped(String name, String description) {}

    @Override
    Outcome run() {
        List<Shipped> recipes = RecipeLibrary.names().stream()
                .map(name -> new Shipped(
                        name, RecipeLibrary.SHIPPED.read(name, List.of()).description()))
                .toList();
        return Outcome.ok(
                recipes,
                recipes.stream()
                        .map(recipe -> "%-30s %s".formatted(recipe.name, recipe.description))
                        .toList());
    }
}
