package io.github.steelyard.job;

import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.LauncherState;
import io.github.steelyard.export.CheckpointExporter;
import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.export.ExportRun;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.export.ScalesExporter;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.format.Format;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.report.LauncherLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Writes a servable checkpoint, or the scales alone, from a finished run.
public final class ExportJob {

    private final OpenedRun opened;
    private final ExportRequest request;
    private final JobListener listener;

    private ExportJob(OpenedRun opened, ExportRequest request, JobListener listener) {
        this.opened = opened;
        this.request = request;
        this.listener = listener;
    }

    /// Exports, and checks what was written; the directory appears under its name once it is whole and sound.
    ///
    /// @throws io.github.steelyard.statistics.StatisticsException if the run is damaged, or of another checkpoint
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit the checkpoint
    /// @throws io.github.steelyard.calibration.GateException if a scale is missing, if what the recipe wants cannot be
    ///     written, or if what was written is not sound
    /// @throws io.github.steelyard.files.OutputException if the directory is not free
    /// @throws io.github.steelyard.files.StorageException if something cannot be written
    public static ExportResult run(ExportRequest request, JobListener listener) {
        try (OpenedRun opened = OpenedRun.open(request.run(), listener)) {
            return new ExportJob(as(request, opened), request, listener).write();
        }
    }

    /// Exports what was calibrated just now, so that the warnings about its recipe have been heard.
    public static ExportResult afterCalibration(ExportRequest request, JobListener listener) {
        try (OpenedRun opened = OpenedRun.open(request.run())) {
            return new ExportJob(as(request, opened), request, listener).write();
        }
    }

    private static OpenedRun as(ExportRequest request, OpenedRun opened) {
        return request.format().map(opened::writtenAs).orElse(opened);
    }

    private ExportResult write() {
        requirePlace();
        opened.requireSameCheckpoint(request.threads());
        ExportOptions wanted = opened.plan().recipe().export();
        ScaleTable scales = opened.scales(request.threads());
        long imputed = scales.origins().getOrDefault(ScaleOrigin.IMPUTED, 0L);
        if (imputed > 0) {
            listener.warn(String.format(
                    Locale.ROOT,
                    "%d input scales are imputed, not measured: their experts saw too few tokens (stats and steelyard.json name them)",
                    imputed));
        }
        return wanted.format().isCheckpoint() ? checkpoint(wanted, scales) : scales(scales);
    }

    private ExportResult checkpoint(ExportOptions wanted, ScaleTable scales) {
        ExportSource source = opened.source();
        Rehearsal.requireExportable(opened.plan(), source, false);
        var written = new CheckpointExporter(
                        source,
                        opened.plan(),
                        scales,
                        new ExportRun(wanted.shardBytes(), request.threads(), listener.writingBegins("export")))
                .export(request.out(), opened.inputDigests());
        listener.writingEnds();
        List<Finding> findings = new ArrayList<>(written.findings());
        findings.addAll(written.verification().findings());
        listener.findings(findings);
        return new ExportResult(
                request.out(),
                status(written.earlier()),
                wanted.format().word(),
                written.files(),
                written.bytes(),
                launch(wanted),
                written.modules());
    }

    private Optional<String> launch(ExportOptions wanted) {
        boolean eager = opened.plan().cacheFormat().equals(Optional.of(Format.NVFP4));
        return wanted.format().isFakeQuantised()
                ? Optional.of(LauncherLine.of(request.out(), LauncherState.FILE_NAME, eager))
                : Optional.empty();
    }

    private ExportResult scales(ScaleTable scales) {
        ScalesExporter.Result result =
                ScalesExporter.export(request.out(), opened.plan(), scales, opened.inputDigests());
        return new ExportResult(
                request.out(), status(result.earlier()), "scales", result.files(), 0, Optional.empty(), Map.of());
    }

    private void requirePlace() {
        OutputPaths.requireApart(
                request.out(), List.of(opened.run().path(), opened.checkpoint().directory()));
        EarlierExport.isAt(request.out());
    }

    private static String status(boolean earlier) {
        return earlier ? CalibrationJob.DONE_BEFORE : CalibrationJob.DONE;
    }
}
