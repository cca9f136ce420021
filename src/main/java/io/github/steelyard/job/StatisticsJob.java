package io.github.steelyard.job;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.statistics.Statistics;
import java.util.List;
import java.util.Optional;

/// Reads what a run measured, and where each scale would come from.
public final class StatisticsJob {

    private StatisticsJob() {}

    /// What a run holds.
    ///
    /// @param statistics what was measured, by site
    /// @param scales the scales that can be made of it
    /// @param adapters names of the adapters that were measured, in the order of the statistics
    /// @param draws what was drawn, where that was done in rounds
    public record Result(Statistics statistics, ScaleTable scales, List<String> adapters, Optional<Draws> draws) {
        public Result {
            adapters = List.copyOf(adapters);
        }
    }

    /// Reads a run. Statistics are shown even where no scale can be made of them; the listener hears why.
    ///
    /// @throws io.github.steelyard.statistics.StatisticsException if the run is damaged
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit the checkpoint
    public static Result run(FinishedRun run, JobListener listener) {
        try (OpenedRun opened = OpenedRun.open(run, listener)) {
            return of(opened, listener);
        }
    }

    /// Reads a run that is open.
    public static Result of(OpenedRun opened, JobListener listener) {
        ScaleTable scales = scales(opened, listener);
        return new Result(
                opened.statistics(),
                scales,
                opened.adapters(),
                opened.run().manifest().draws());
    }

    private static ScaleTable scales(OpenedRun opened, JobListener listener) {
        try {
            return opened.scales(Compute.defaultThreads());
        } catch (GateException e) {
            e.problems().forEach(listener::warn);
            return opened.resolvableScales(Compute.defaultThreads());
        }
    }
}
