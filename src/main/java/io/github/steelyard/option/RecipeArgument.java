package io.github.steelyard.option;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/// The recipe that a command is about.
public final class RecipeArgument {

    @Parameters(
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "A shipped recipe, or a YAML file.")
    @Nullable
    public String name;

    public String name() {
        return Arguments.required(name);
    }
}
