package io.github.steelyard.difference;

import io.github.steelyard.recipe.RecipeLibrary;
import io.github.steelyard.recipe.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// What is to be compared.
///
/// @param a directory of a run or checkpoint, or name or file of a recipe
/// @param b another of the same kind
/// @param source of two checkpoints: directory of what both were made from; empty: errors are not measured
/// @param checkpoint of two runs: where the calibrated checkpoint lies now, empty: where each says that it lay; of two
///     recipes: directory with a `config.json`, weights or not, which there must be
/// @param recipes where recipes are looked for
/// @param settings what is set over both recipes
public record DifferenceRequest(
        String a,
        String b,
        Optional<Path> source,
        Optional<Path> checkpoint,
        RecipeLibrary recipes,
        List<Setting> settings) {

    public DifferenceRequest {
        settings = List.copyOf(settings);
    }

    /// Returns a request for two of any kind that needs nothing else.
    public static DifferenceRequest of(String a, String b) {
        return new DifferenceRequest(a, b, Optional.empty(), Optional.empty(), RecipeLibrary.SHIPPED, List.of());
    }
}
