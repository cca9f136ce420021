package io.github.steelyard.cli;

import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.export.ExportResult;
import io.github.steelyard.export.ExportRun;
import io.github.steelyard.export.ExportSource;
import io.github.steelyard.export.ModelOptExporter;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.export.ScalesExporter;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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

    private static final String WRITTEN = "complete";

    @Parameters(paramLabel = "RUN", description = "Directory of the run.")
    @Nullable
    Path run;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory to write; new, or empty.")
    @Nullable
    Path out;

    @Option(
            names = "--format",
            paramLabel = "modelopt|scales",
            description = "What to write, instead of what the recipe says.")
    ExportOptions.@Nullable Format format;

    @Mixin
    RunOptions options = new RunOptions();

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Worker threads (default: one for each processor).")
    int threads = EngineOptions.defaultThreads();

    ExportCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(
            String directory,
            String status,
            String format,
            List<String> files,
            long bytes,
            Map<String, Long> modules) {}

    @Override
    Outcome run() {
        try (OpenedRun opened = OpenedRun.open(Arguments.required(run), options, console)) {
            Result result = write(opened, Arguments.required(out), format, threads, console);
            return Outcome.ok(result, List.of(summary(result)));
        }
    }

    static String summary(Result result) {
        return String.format(
                Locale.ROOT,
                "%s %s: %d files, %.1f MB of tensors, modules %s",
                result.status.equals(WRITTEN) ? "wrote" : result.status,
                result.directory,
                result.files.size(),
                result.bytes / 1e6,
                result.modules);
    }

    static Result write(
            OpenedRun opened, Path out, ExportOptions.@Nullable Format chosen, int threads, Console console) {
        requirePlace(out, opened);
        opened.requireSameCheckpoint(threads);
        ExportOptions wanted = opened.plan().recipe().export();
        long imputed = opened.scales().origins().getOrDefault(ScaleOrigin.IMPUTED, 0L);
        if (imputed > 0) {
            console.warn(String.format(
                    Locale.ROOT,
                    ("%d input scales are imputed, not measured: their experts saw too few tokens"
                            + " (stats and %s name them)"),
                    imputed,
                    "steelyard.json"));
        }
        return switch (chosen == null ? wanted.format() : chosen) {
            case MODELOPT -> modelOpt(opened, out, wanted, threads, console);
            case SCALES -> scales(opened, out);
        };
    }

    private static Result modelOpt(OpenedRun opened, Path out, ExportOptions wanted, int threads, Console console) {
        ExportSource source = new ExportSource(opened.checkpoint(), opened.decoder());
        Rehearsal.requireExportable(opened.plan(), source, false);
        ByteProgress progress = new ByteProgress(console, "export");
        ExportResult result = new ModelOptExporter(
                        source, opened.plan(), opened.scales(), new ExportRun(wanted.shardBytes(), threads, progress))
                .export(out, opened.inputDigests());
        progress.done();
        List<Finding> findings = new ArrayList<>(result.findings());
        findings.addAll(result.verification().findings());
        console.findings(findings);
        return new Result(
                out.toString(), status(result.earlier()), "modelopt", result.files(), result.bytes(), result.modules());
    }

    private static Result scales(OpenedRun opened, Path out) {
        ScalesExporter.Result result =
                ScalesExporter.export(out, opened.plan(), opened.scales(), opened.inputDigests());
        return new Result(out.toString(), status(result.earlier()), "scales", result.files(), 0, Map.of());
    }

    private static void requirePlace(Path out, OpenedRun opened) {
        OutputPaths.requireApart(
                out, List.of(opened.run().path(), opened.checkpoint().directory()));
        EarlierExport.isAt(out);
    }

    private static String status(boolean earlier) {
        return earlier ? Calibration.DONE_BEFORE : WRITTEN;
    }
}
