package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.recipe.RecipeLibrary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard recipes show`: a recipe as it is written.
@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = "Prints a recipe as it is written, to be copied and edited.")
final class RecipesShowCommand extends SteelyardCommand {

    @Parameters(
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "A shipped recipe, or a YAML file.")
    @Nullable
    String recipe;

    @Option(names = "--recipe-path", paramLabel = "DIR", description = "Look here too; may be repeated.")
    List<Path> roots = new ArrayList<>();

    RecipesShowCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        String text = new RecipeLibrary(roots).text(Arguments.required(recipe));
        return Outcome.ok(Map.of("text", text), text.lines().toList());
    }
}
