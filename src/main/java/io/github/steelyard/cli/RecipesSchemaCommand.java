package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.report.Json;
import io.github.steelyard.schema.RecipeSchema;
import picocli.CommandLine.Command;

/// `steelyard recipes schema`: what a recipe may say, for editors.
@Command(
        name = "schema",
        mixinStandardHelpOptions = true,
        description = "Prints the JSON Schema of recipes, by which editors complete and check them.")
final class RecipesSchemaCommand extends SteelyardCommand {

    RecipesSchemaCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        return Outcome.ok(
                RecipeSchema.tree(), Json.text(RecipeSchema.tree()).lines().toList());
    }
}
