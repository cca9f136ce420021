package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.job.Compute;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.report.Inspection;
import io.github.steelyard.report.ModelSummary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard inspect`: what is in a checkpoint, and what is wrong with it.
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what is in a checkpoint from its headers and configs alone.",
            "With --check, looks for everything that a calibration would refuse, values included."
        })
final class InspectCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of a checkpoint, or a config.json alone.")
    @Nullable
    Path checkpoint;

    @Option(names = "--check", description = "Check names, shapes, formats, configs and all values.")
    boolean check;

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Threads that read values.")
    int threads = Compute.defaultThreads();

    InspectCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Path directory = Arguments.required(checkpoint);
        if (Files.isRegularFile(directory)) {
            return config(directory);
        }
        Inspection inspection = check ? Inspection.check(directory, threads) : Inspection.summarise(directory);
        inspection.findings().forEach(console::finding);
        List<String> lines = new ArrayList<>();
        inspection.model().ifPresent(model -> lines.addAll(model.lines()));
        inspection.summary().ifPresent(summary -> lines.addAll(summary.lines()));
        return new Outcome(inspection.isSound() ? ExitCode.OK : ExitCode.BAD_INPUT, inspection.json(), lines);
    }

    private Outcome config(Path file) {
        if (check) {
            throw new UsageException("--check %s: wanted the directory of a checkpoint, found a file".formatted(file));
        }
        ModelSummary model = ModelSummary.of(ConfigJson.read(file));
        return Outcome.ok(model.json(), model.lines());
    }
}
