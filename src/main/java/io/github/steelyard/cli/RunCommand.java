package io.github.steelyard.cli;

import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard run`: calibrate, export and verify, from one recipe.
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Calibrates, exports and verifies as a recipe says.",
            "OUT/run holds the calibration, OUT/export what was written; an interrupted run goes on."
        })
final class RunCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(names = "--recipe", required = true, paramLabel = "FILE", description = "YAML recipe.")
    @Nullable
    Path recipe;

    @Option(names = "--out", required = true, paramLabel = "OUT", description = "Directory for run and export.")
    @Nullable
    Path out;

    @Option(
            names = "--format",
            paramLabel = "modelopt|scales",
            description = "What to write, instead of what the recipe says.")
    ExportOptions.@Nullable Format format;

    @Mixin
    CalibrateCommand.CalibrationChoices choices = new CalibrateCommand.CalibrationChoices();

    @Mixin
    EngineOptions engine = new EngineOptions();

    RunCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(Calibration.Result calibration, ExportCommand.@Nullable Result export) {}

    @Override
    Outcome run() {
        Path target = Arguments.required(out);
        Path run = target.resolve("run");
        Directories.requireFree(target.resolve("export"));
        Recipe read = Recipe.read(Arguments.required(recipe));
        Calibration.Result calibrated = new Calibration(console, common, choices, engine)
                .run(
                        Arguments.required(checkpoint),
                        read,
                        run,
                        format == null ? read.export().format() : format);
        ExportCommand.Result exported = null;
        if (calibrated.passed()) {
            try (OpenedRun opened = OpenedRun.open(run, new RunOptions(), console)) {
                exported = ExportCommand.write(opened, target.resolve("export"), format, engine.threads, console);
            }
        }
        List<String> lines = new ArrayList<>(calibrated.lines());
        if (exported != null) {
            lines.add(ExportCommand.summary(exported));
        }
        return Outcome.gate(calibrated.passed(), new Result(calibrated, exported), lines);
    }
}
