package io.github.steelyard.job;

import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.run.RunDirectory;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Calibrates, exports and verifies, from one recipe.
public final class RecipeJob {

    private RecipeJob() {}

    /// Does all that is not done yet: an interrupted job goes on by the same request.
    ///
    /// @throws RequestException as of [CalibrationJob] and [ExportJob], like all that these throw
    public static RecipeResult run(RecipeRequest request, JobListener listener) {
        requirePlace(request);
        CalibrationResult calibrated = CalibrationJob.run(request.calibration(), listener);
        return new RecipeResult(
                calibrated,
                calibrated.passed()
                        ? Optional.of(ExportJob.afterCalibration(request.exporting(), listener))
                        : Optional.empty());
    }

    /// An export is only left where it is if its run is finished: whether it would be the same is then known at once.
    private static void requirePlace(RecipeRequest request) {
        OutputPaths.requireApart(request.out(), List.of(request.checkpoint()));
        RunDirectory run = RunDirectory.at(request.run());
        OutputPaths.requireOwn(
                request.out(),
                Set.of(RecipeRequest.RUN, RecipeRequest.EXPORT, OutputDirectory.workName(RecipeRequest.EXPORT)),
                run::isOurs);
        if (EarlierExport.isAt(request.export()) && (request.choices().fresh() || !run.isFinished())) {
            throw new OutputException(
                    request.export(),
                    "holds an earlier export, and another calibration is to come; move it away, or give another --out");
        }
    }
}
