package io.github.steelyard.job;

import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.Optional;

/// A checkpoint that is to become what a recipe says.
///
/// @param checkpoint directory of the checkpoint; only read
/// @param recipe the recipe
/// @param out directory that will hold the run as `run` and what is written as `export`
/// @param format what to write; empty: as the recipe says
/// @param choices what is chosen instead of what the recipe says
/// @param compute how it is computed
public record RecipeRequest(
        Path checkpoint,
        Recipe recipe,
        Path out,
        Optional<ExportOptions.Format> format,
        CalibrationRequest.Choices choices,
        Compute compute) {

    static final String RUN = "run";
    static final String EXPORT = "export";

    /// Returns a request that follows the recipe in everything, on the whole machine.
    public static RecipeRequest of(Path checkpoint, Recipe recipe, Path out) {
        return new RecipeRequest(
                checkpoint, recipe, out, Optional.empty(), CalibrationRequest.Choices.NONE, Compute.ofMachine());
    }

    /// Returns the directory of the run.
    public Path run() {
        return out.resolve(RUN);
    }

    /// Returns the directory of the export.
    public Path export() {
        return out.resolve(EXPORT);
    }

    CalibrationRequest calibration() {
        return new CalibrationRequest(
                checkpoint, recipe, run(), format.orElse(recipe.export().format()), choices, compute);
    }

    ExportRequest exporting() {
        return new ExportRequest(FinishedRun.at(run()), export(), format, compute.threads());
    }
}
