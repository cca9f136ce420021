package io.github.steelyard.cli;

import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// How a finished run is put to use: nothing here needs another forward pass.
final class RunOptions {

    @Option(
            names = "--checkpoint",
            paramLabel = "DIR",
            description = "The calibrated checkpoint, if it has moved since.")
    @Nullable
    Path checkpoint;

    @Option(names = "--recipe", paramLabel = "FILE", description = "Another recipe than that of the run.")
    @Nullable
    Path recipe;

    @Option(
            names = "--sharing",
            paramLabel = "expert|layer",
            description = "Whether each expert or each layer has one input scale, instead of what the recipe says.")
    ExportOptions.@Nullable Sharing sharing;

    boolean used() {
        return recipe != null || sharing != null || checkpoint != null;
    }

    /// Returns a run, put to use so.
    FinishedRun of(Path directory) {
        return new FinishedRun(
                directory, Optional.ofNullable(checkpoint), Optional.ofNullable(recipe), Optional.ofNullable(sharing));
    }
}
