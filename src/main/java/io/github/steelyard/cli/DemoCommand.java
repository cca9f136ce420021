package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.demo.DemoJob;
import io.github.steelyard.demo.DemoResult;
import io.github.steelyard.job.CalibrationResult;
import io.github.steelyard.job.ExportResult;
import io.github.steelyard.option.EngineOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `steelyard demo`: the whole job on the embedded tiny checkpoint.
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Calibrates, exports and verifies an embedded tiny mixture-of-experts model.",
            "Its experts are a mix of NVFP4 and FP8. Compares the perplexity of source and result. Takes seconds."
        })
final class DemoCommand extends SteelyardCommand {

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where to write (default: ${DEFAULT-VALUE}); an earlier demo there is replaced.")
    Path out = Path.of("steelyard-demo");

    @Mixin
    EngineOptions engine = new EngineOptions();

    DemoCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(
            CalibrationResult calibration,
            ExportResult export,
            double sourcePerplexity,
            double exportedPerplexity,
            long predictions) {}

    @Override
    Outcome run() {
        DemoResult demo = DemoJob.run(out, engine.compute(), listener());
        CalibrationResult calibrated = demo.calibration();
        return demo.comparison()
                .map(compared -> new Result(
                        calibrated,
                        compared.export(),
                        compared.sourcePerplexity(),
                        compared.exportedPerplexity(),
                        compared.predictions()))
                .map(result -> Outcome.ok(result, lines(result)))
                .orElseGet(() -> Outcome.gate(false, calibrated, CalibrateCommand.lines(calibrated)));
    }

    private static List<String> lines(Result result) {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "calibrated  %s (%d tokens; %s)",
                        result.calibration.run(),
                        result.calibration.tokens(),
                        result.calibration.coverage()),
                String.format(
                        Locale.ROOT,
                        "exported    %s (%d files, verified)",
                        result.export.directory(),
                        result.export.files().size()),
                String.format(
                        Locale.ROOT,
                        "perplexity  %.3f as stored, %.3f with quantised weights, inputs and cache (%d predictions)",
                        result.sourcePerplexity,
                        result.exportedPerplexity,
                        result.predictions));
    }
}
