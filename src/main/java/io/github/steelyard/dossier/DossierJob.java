package io.github.steelyard.dossier;

import io.github.steelyard.dossier.Dossier.Remark;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.OpenedRun;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.job.StatisticsJob;
import io.github.steelyard.report.Json;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.Provenance;
import io.github.steelyard.run.RunDirectory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes a page of runs, exports and evaluations that a browser opens from disk, and the same as JSON.
public final class DossierJob {

    private static final String HTML = ".html";
    private static final int BEGINNING = 400;

    private final DossierRequest request;
    private final JobListener listener;
    private final Map<String, OpenedRun> opened = new LinkedHashMap<>(); // by the digest of the statistics
    private final List<RunSheet> runs = new ArrayList<>();
    private final List<ExportSheet> exports = new ArrayList<>();
    private final List<EvaluationSheet> evaluations = new ArrayList<>();

    private DossierJob(DossierRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Makes a page. It depends on what it shows alone: the same inputs give the same bytes.
    ///
    /// @throws RequestException if the page's name does not end in `.html`, or an input is none of the three
    /// @throws OutputException if a file would be replaced that is no such page
    /// @throws io.github.steelyard.files.StorageException if it cannot be written
    /// @throws io.github.steelyard.files.CheckpointException if a checkpoint or an evaluation cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if a run's recipe does not fit its checkpoint
    /// @throws io.github.steelyard.statistics.StatisticsException if a run is damaged
    public static DossierResult run(DossierRequest request, JobListener listener) {
        return new DossierJob(request, listener).run();
    }

    private DossierResult run() {
        String name = request.page().toString();
        if (!name.endsWith(HTML)) {
            throw new RequestException("--out %s: the name of a page ends in %s".formatted(name, HTML));
        }
        Path data = Path.of(name.substring(0, name.length() - HTML.length()) + ".json");
        for (Path file : List.of(request.page(), data)) {
            OutputPaths.requireApart(file, request.inputs());
            AtomicFiles.requireReplaceable(file);
            requireOwn(file);
        }
        Dossier dossier = read();
        AtomicFiles.write(data, Json.text(dossier) + "\n");
        AtomicFiles.write(request.page(), Page.of(dossier));
        return new DossierResult(request.page(), data, runs.size(), exports.size(), evaluations.size());
    }

    /// Refuses to replace what this program did not write: a page and its data name it in their first lines.
    private static void requireOwn(Path file) {
        if (!Files.exists(file)) {
            return;
        }
        try (InputStream in = Files.newInputStream(file)) {
            String begin = new String(in.readNBytes(BEGINNING), StandardCharsets.UTF_8);
            if (!begin.contains("\"steelyard\"")) {
                throw new OutputException(file, "is there, and no report of this program");
            }
        } catch (IOException e) {
            throw new OutputException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
    }

    private Dossier read() {
        try {
            // Runs first: an export is shown with what its own run says.
            request.inputs().stream().filter(DossierJob::isRun).forEach(this::addRun);
            for (Path input : request.inputs()) {
                if (!isRun(input)) {
                    addOther(input);
                }
            }
            return new Dossier("steelyard", Provenance.version(), runs, exports, evaluations);
        } finally {
            opened.values().forEach(OpenedRun::close);
        }
    }

    private static boolean isRun(Path input) {
        return Files.isDirectory(input) && new RunDirectory(input).isOurs();
    }

    private void addRun(Path directory) {
        List<Remark> remarks = new ArrayList<>();
        JobListener both = new JobListener() {
            @Override
            public void finding(Finding finding) {
                remarks.add(Remark.of(finding));
                listener.finding(finding);
            }
        };
        FinishedRun finished = request.checkpoint()
                .map(FinishedRun.at(directory)::withCheckpoint)
                .orElseGet(() -> FinishedRun.at(directory));
        OpenedRun run = OpenedRun.open(finished, both);
        Manifest manifest = run.run().manifest();
        Optional.ofNullable(opened.put(manifest.statisticsDigest(), run)).ifPresent(OpenedRun::close);
        runs.add(RunSheets.of(
                "run" + (runs.size() + 1), directory, manifest, run.plan(), StatisticsJob.of(run, both), remarks));
    }

    private void addOther(Path input) {
        if (Files.isDirectory(input)) {
            if (!Files.exists(input.resolve("config.json"))) {
                throw new RequestException("%s: neither a run nor a checkpoint".formatted(input));
            }
            exports.add(ExportSheets.of(
                    input, ExportSheets.statistics(input).flatMap(digest -> Optional.ofNullable(opened.get(digest)))));
        } else if (Files.exists(input)) {
            evaluations.add(EvaluationSheets.read(input));
        } else {
            throw new CheckpointException(input, "no such file or directory");
        }
    }
}
