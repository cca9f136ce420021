package io.github.steelyard.cli;

import io.github.steelyard.calibration.RunDirectory;
import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
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

    private static final String RUN = "run";
    private static final String EXPORT = "export";

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
        Path run = target.resolve(RUN);
        requirePlace(target, run);
        Recipe read = Recipe.read(Arguments.required(recipe));
        Calibration.Result calibrated = new Calibration(console, common, choices, engine)
                .run(
                        Arguments.required(checkpoint),
                        read,
                        run,
                        format == null ? read.export().format() : format);
        ExportCommand.Result exported = null;
        if (calibrated.passed()) {
            try (OpenedRun opened = OpenedRun.open(run, new RunOptions())) {
                exported = ExportCommand.write(opened, target.resolve(EXPORT), format, engine.threads, console);
            }
        }
        List<String> lines = new ArrayList<>(calibrated.lines());
        if (exported != null) {
            lines.add(ExportCommand.summary(exported));
        }
        return Outcome.gate(calibrated.passed(), new Result(calibrated, exported), lines);
    }

    /// An export is only left where it is if its run is finished: whether it would be the same is then known at once.
    private void requirePlace(Path target, Path run) {
        OutputPaths.requireApart(target, List.of(Arguments.required(checkpoint)));
        RunDirectory directory = RunDirectory.at(run);
        OutputPaths.requireOwn(target, Set.of(RUN, EXPORT, OutputDirectory.workName(EXPORT)), () -> directory.isOurs());
        if (EarlierExport.isAt(target.resolve(EXPORT)) && (choices.fresh || !directory.isFinished())) {
            throw new OutputException(
                    target.resolve(EXPORT),
                    "holds an earlier export, and another calibration is to come; move it away, or give another --out");
        }
    }
}
