package io.github.steelyard.job;

import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.Optional;

/// What is to be written from a finished run.
///
/// @param run the run
/// @param out directory to write: new, empty, or of an earlier export, which is left alone if it would be the same
/// @param format what to write; empty: as the recipe says
/// @param threads worker threads, 1 to [Compute#MOST_THREADS]; no byte depends on it
public record ExportRequest(FinishedRun run, Path out, Optional<ExportOptions.Format> format, int threads) {

    /// Returns a request that follows the run's recipe, on the whole machine.
    public static ExportRequest of(Path run, Path out) {
        return new ExportRequest(FinishedRun.at(run), out, Optional.empty(), Compute.defaultThreads());
    }
}
