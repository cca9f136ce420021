package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.ExportJob;
import io.github.steelyard.job.ExportRequest;
import io.github.steelyard.job.ExportResult;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.RunOptions;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard export`: writes scales or a servable checkpoint from a finished run.
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Writes a servable checkpoint, or the scales alone, from a finished run.")
final class ExportCommand extends SteelyardCommand {

    @Parameters(paramLabel = "RUN", description = "Directory of the run.")
    @Nullable
    Path run;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory to write; new, or empty.")
    @Nullable
    Path out;

    @Option(
            names = "--format",
            paramLabel = "modelopt|compressed-tensors|vllm-fakequant|scales",
            converter = Arguments.ExportFormat.class,
            description = "What to write, instead of what the recipe says.")
    ExportOptions.@Nullable Format format;

    @Mixin
    RunOptions options = new RunOptions();

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Worker threads (default: one for each processor).")
    int threads = Compute.defaultThreads();

    ExportCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        ExportResult result = ExportJob.run(
                new ExportRequest(
                        options.of(Arguments.required(run)),
                        Arguments.required(out),
                        Optional.ofNullable(format),
                        threads),
                listener());
        return Outcome.ok(result, lines(result));
    }

    /// Returns the result for people.
    static List<String> lines(ExportResult result) {
        List<String> lines = new ArrayList<>(List.of(line(result)));
        result.launch().ifPresent(launch -> lines.add("serve with: " + launch));
        return lines;
    }

    /// Returns the result for people, but for how it is served.
    static String line(ExportResult result) {
        return String.format(
                Locale.ROOT,
                "%s %s: %d files, %.1f MB of tensors, modules %s",
                result.status().equals("complete") ? "wrote" : result.status(),
                result.directory(),
                result.files().size(),
                result.bytes() / 1e6,
                result.modules());
    }
}
