package io.github.steelyard.job;

import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A finished calibration, and how it is put to use: nothing here needs another forward pass.
///
/// @param directory directory of the run
/// @param checkpoint where the calibrated checkpoint lies now; empty: where it lay then
/// @param recipe another recipe than that of the run, whose sites were measured; empty: that of the run
/// @param settings what is set over the recipe of the run; none where there is another recipe
/// @param sharing whether each expert or each layer has one input scale; empty: as the recipe says
public record FinishedRun(
        Path directory,
        Optional<Path> checkpoint,
        Optional<Recipe> recipe,
        List<Setting> settings,
        Optional<ExportOptions.Sharing> sharing) {

    public FinishedRun {
        settings = List.copyOf(settings);
    }

    /// Returns the run in `directory`, used as it was meant.
    public static FinishedRun at(Path directory) {
        return new FinishedRun(directory, Optional.empty(), Optional.empty(), List.of(), Optional.empty());
    }

    /// Returns the same with the checkpoint in another place.
    public FinishedRun withCheckpoint(Path place) {
        return new FinishedRun(directory, Optional.of(place), recipe, settings, sharing);
    }
}
