package io.github.steelyard.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/// The recipe that a command is about.
final class RecipeArgument {

    @Parameters(
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "A shipped recipe, or a YAML file.")
    @Nullable
    String name;

    String name() {
        return Arguments.required(name);
    }
}
