package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.option.RecipeArgument;
import io.github.steelyard.recipe.RecipeLibrary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `steelyard recipes show`: a recipe as it is written.
@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = "Prints a recipe as it is written, to be copied and edited.")
final class RecipesShowCommand extends SteelyardCommand {

    @Mixin
    RecipeArgument recipe = new RecipeArgument();

    @Option(names = "--recipe-path", paramLabel = "DIR", description = "Look here too; may be repeated.")
    List<Path> roots = new ArrayList<>();

    RecipesShowCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        String text = new RecipeLibrary(roots).text(recipe.name());
        return Outcome.ok(Map.of("text", text), text.lines().toList());
    }
}
