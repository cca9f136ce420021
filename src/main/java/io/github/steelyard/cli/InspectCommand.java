package io.github.steelyard.cli;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.report.Inspection;
import io.github.steelyard.report.ModelSummary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
final class InspectCommand extends SteelyardCommand implements Callable<Integer> {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of a checkpoint, or a config.json alone.")
    @Nullable
    Path checkpoint;

    @Option(names = "--check", description = "Check names, shapes, formats, configs and all values.")
    boolean check;

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Threads that read values.")
    int threads = Runtime.getRuntime().availableProcessors();

    InspectCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        Path directory = Arguments.required(checkpoint);
        if (Files.isRegularFile(directory)) {
            return config(directory);
        }
        Inspection inspection = check ? Inspection.check(directory, threads) : Inspection.summarise(directory);
        inspection.findingLines().forEach(console::note);
        if (common.json) {
            console.print(inspection.json());
        } else {
            inspection.model().ifPresent(model -> model.lines().forEach(console::print));
            inspection.summary().ifPresent(summary -> summary.lines().forEach(console::print));
        }
        return inspection.isSound() ? ExitCode.OK : ExitCode.BAD_INPUT;
    }

    private int config(Path file) {
        if (check) {
            throw new UsageException("--check %s: wanted the directory of a checkpoint, found a file".formatted(file));
        }
        ModelSummary model = ModelSummary.of(ConfigJson.read(file));
        if (common.json) {
            console.print(model.text());
        } else {
            model.lines().forEach(console::print);
        }
        return ExitCode.OK;
    }
}
