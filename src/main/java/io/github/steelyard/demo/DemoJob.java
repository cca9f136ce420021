package io.github.steelyard.demo;

import io.github.steelyard.evaluation.EvaluationJob;
import io.github.steelyard.evaluation.EvaluationRequest;
import io.github.steelyard.evaluation.EvaluationResult;
import io.github.steelyard.job.CalibrationJob;
import io.github.steelyard.job.CalibrationRequest;
import io.github.steelyard.job.CalibrationResult;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.ExportJob;
import io.github.steelyard.job.ExportRequest;
import io.github.steelyard.job.ExportResult;
import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/// The whole job on the embedded tiny checkpoint, and the perplexities of source and result.
public final class DemoJob {

    private final DemoFiles files;
    private final Compute compute;
    private final JobListener listener;

    private DemoJob(DemoFiles files, Compute compute, JobListener listener) {
        this.files = files;
        this.compute = compute;
        this.listener = listener;
    }

    /// Calibrates, exports, verifies and compares. Takes seconds.
    ///
    /// @param out directory to write: new, empty, or of an earlier demonstration, which is replaced
    /// @throws io.github.steelyard.files.OutputException if there is something else in `out`
    /// @throws io.github.steelyard.files.StorageException if something cannot be written
    /// @throws io.github.steelyard.job.RequestException if there is no such arithmetic
    /// @throws io.github.steelyard.job.ResourceException if memory does not suffice
    public static DemoResult run(Path out, Compute compute, JobListener listener) {
        return new DemoJob(DemoFiles.unpack(out), compute, listener).run();
    }

    private DemoResult run() {
        CalibrationResult calibrated = CalibrationJob.run(
                new CalibrationRequest(
                        files.checkpoint(),
                        Recipe.read(files.recipe()),
                        files.run(),
                        ExportOptions.Format.MODELOPT,
                        CalibrationRequest.Choices.NONE.withData(files.text()).withFresh(),
                        compute),
                listener);
        return new DemoResult(calibrated, calibrated.passed() ? Optional.of(compared()) : Optional.empty());
    }

    private DemoResult.Comparison compared() {
        ExportResult exported = ExportJob.afterCalibration(
                new ExportRequest(FinishedRun.at(files.run()), files.export(), Optional.empty(), compute.threads()),
                listener);
        EvaluationResult source = evaluated(files.checkpoint(), new EvaluationRequest.Unquantized());
        EvaluationResult result = evaluated(files.export(), new EvaluationRequest.AsStored());
        return new DemoResult.Comparison(exported, source.perplexity(), result.perplexity(), source.predictions());
    }

    private EvaluationResult evaluated(Path directory, EvaluationRequest.Quantization quantization) {
        return EvaluationJob.run(
                new EvaluationRequest(
                        directory,
                        files.heldOut(),
                        quantization,
                        Optional.empty(),
                        Optional.empty(),
                        EvaluationRequest.DEFAULT_SEQUENCE_LENGTH,
                        OptionalInt.empty(),
                        compute),
                listener);
    }
}
