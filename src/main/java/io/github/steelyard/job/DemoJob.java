package io.github.steelyard.job;

import io.github.steelyard.calibration.Perplexity;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.CheckpointScales;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Site;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

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
    /// @throws RequestException if there is no such arithmetic
    /// @throws ResourceException if memory does not suffice
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
        Perplexity source = perplexity(files.checkpoint(), false);
        Perplexity result = perplexity(files.export(), true);
        return new DemoResult.Comparison(
                exported, Math.exp(source.mean()), Math.exp(result.mean()), source.predictions());
    }

    private Perplexity perplexity(Path directory, boolean fakeQuantised) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Decoder decoder = Families.of(checkpoint);
            Sequences sequences =
                    Inputs.sequences(Inputs.corpus(files.heldOut(), DataOptions.DEFAULT, checkpoint, decoder));
            Map<Site, FakeQuantizer> quantizers = fakeQuantised
                    ? CheckpointScales.read(checkpoint, decoder.modules()).quantizers()
                    : Map.of();
            return new Evaluation(compute, listener).run(checkpoint, decoder, sequences, quantizers, Optional.empty());
        }
    }
}
