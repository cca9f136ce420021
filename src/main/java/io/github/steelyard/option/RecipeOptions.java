package io.github.steelyard.option;

import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.RecipeLibrary;
import io.github.steelyard.recipe.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/// Where recipes are looked for, and what is set over what they say.
public final class RecipeOptions {

    /// How an option that takes a recipe calls its value.
    public static final String LABEL = "NAME|FILE";

    @Option(
            names = "--recipe-path",
            paramLabel = "DIR",
            description =
                    "Look here too for recipes and what they import, such as the modelopt_recipes of a checkout of"
                            + " ModelOpt; may be repeated.")
    List<Path> roots = new ArrayList<>();

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            converter = Arguments.SettingText.class,
            description =
                    "Set a key over what the recipe says, such as quantize.algorithm.method=mse; may be repeated.")
    List<Setting> settings = new ArrayList<>();

    /// Reads a recipe.
    public Recipe read(String name) {
        return library().read(name, settings);
    }

    /// Returns where recipes are looked for.
    public RecipeLibrary library() {
        return new RecipeLibrary(roots);
    }

    /// Returns what is set over what they say.
    public List<Setting> settings() {
        return List.copyOf(settings);
    }

    public boolean used() {
        return !roots.isEmpty() || !settings.isEmpty();
    }
}
