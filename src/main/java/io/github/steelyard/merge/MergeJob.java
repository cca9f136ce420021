package io.github.steelyard.merge;

import io.github.steelyard.calibration.Solvers;
import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.WorkDirectory;
import io.github.steelyard.job.CalibrationJob;
import io.github.steelyard.job.Inputs;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.job.Verdict;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.passes.ResidentMemory;
import io.github.steelyard.passes.SolvingRun;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.run.Provenance;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.run.RunParts;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Makes one run of runs over parts of a text: its statistics have the bytes of one run over the whole, whatever the
/// parts and the order in which they come together.
public final class MergeJob {

    private static final String MEASURED = "measured";
    private static final String MEASURED_BEFORE = "already measured";

    private final MergeRequest request;
    private final JobListener listener;

    private MergeJob(MergeRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Merges, or reports what is already done. A process that was killed at any instant is followed by the same
    /// request. Where the recipe's algorithm solves weights, the calibration of the whole text goes on with that in the
    /// same directory.
    ///
    /// @throws RequestException if the request does not make sense
    /// @throws StatisticsException if runs are damaged, do not go together or leave sequences out, or if the directory
    ///     holds another run
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint's configs cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit the checkpoint
    /// @throws io.github.steelyard.files.OutputException if the directory is no run's, or in use
    /// @throws io.github.steelyard.files.StorageException if something cannot be written
    public static MergeResult run(MergeRequest request, JobListener listener) {
        return new MergeJob(request, listener).run();
    }

    private MergeResult run() {
        if (request.runs().isEmpty()) {
            throw new RequestException("no runs to merge");
        }
        OutputPaths.requireApart(request.out(), request.runs());
        RunDirectory out = RunDirectory.at(request.out());
        try (ResidentMemory memory = new ResidentMemory()) {
            RunParts parts = RunParts.open(request.runs(), request.union());
            requireWanted(parts);
            ModelConfigs configs = ModelConfigs.read(request.checkpoint().orElseGet(parts::checkpoint));
            OutputPaths.requireApart(request.out(), List.of(configs.directory()));
            Recipe recipe = Recipe.parse(parts.runs().getFirst().recipeFile(), parts.recipe());
            return Inputs.described(configs, (decoder, opened) -> {
                Plan plan = Inputs.plan(recipe, configs.quantization(), opened, decoder);
                boolean solved = Solvers.isWanted(plan);
                if (solved) {
                    requireSolvable(parts);
                }
                return result(out, parts, merge(out, parts, decoder, solved), plan, decoder, memory);
            });
        }
    }

    private void requireWanted(RunParts parts) {
        Optional<String> missing = parts.missing();
        if (missing.isPresent() && !request.partial()) {
            throw new StatisticsException(
                    request.out(),
                    "cannot be made: %s are in none of the runs (--partial does without)".formatted(missing.get()));
        }
        missing.ifPresent(
                text -> listener.finding(Finding.warning("partial", "", "%s are in none of the runs".formatted(text))));
        if (missing.isEmpty() && request.partial()) {
            listener.warn("--partial: no effect, nothing is missing");
        }
        if (request.union() && !parts.isUnion()) {
            listener.warn("--union: no effect, all runs are of one text");
        }
    }

    /// Weights are solved in one more pass over the text.
    private void requireSolvable(RunParts parts) {
        if (parts.isUnion() || parts.missing().isPresent()) {
            throw new StatisticsException(
                    request.out(),
                    "cannot be made: the recipe's algorithm solves weights by one whole text, and %s"
                            .formatted(parts.isUnion() ? "these are several" : "some of it is missing"));
        }
    }

    /// Returns the status.
    private String merge(RunDirectory out, RunParts parts, Decoder decoder, boolean solved) {
        RunKey key = parts.key();
        if (request.fresh()) {
            out.discardState();
        } else if (out.isFinished()) {
            key.requireContinues(out.manifest().key(), out.manifestFile());
            out.discardState();
            return CalibrationJob.DONE_BEFORE;
        } else if (out.isMeasured()) {
            SolvingRun.measured(
                    out,
                    key,
                    decoder.layers().size(),
                    parts.portions().getFirst().count());
            return MEASURED_BEFORE;
        }
        try (WorkDirectory work = out.claim()) {
            Statistics statistics = parts.statistics();
            Optional<Draws> draws = draws(parts, statistics, decoder.modules());
            out.forgetResults();
            if (solved) {
                SolvingRun.begin(
                        out, key, statistics, parts.portions().getFirst().count(), draws);
            } else {
                Provenance provenance = Provenance.capture(
                        Map.of("merged_runs", Integer.toString(parts.runs().size())));
                out.finish(statistics, parts.recipe(), digest -> parts.manifest(digest, draws, provenance));
            }
            work.remove();
        }
        return solved ? MEASURED : CalibrationJob.DONE;
    }

    /// Returns what one run that drew all of it in one round says.
    private static Optional<Draws> draws(RunParts parts, Statistics statistics, List<ModuleInfo> modules) {
        return parts.target().isEmpty()
                ? Optional.empty()
                : Optional.of(Draws.atOnce(
                        Math.toIntExact(parts.sequences()),
                        parts.tokens(),
                        parts.target().getAsInt(),
                        statistics,
                        modules));
    }

    private MergeResult result(
            RunDirectory out, RunParts parts, String status, Plan plan, Decoder decoder, ResidentMemory memory) {
        boolean finished = out.isFinished();
        Statistics statistics = finished ? out.statistics() : out.unfinishedStatistics();
        Verdict verdict = Verdict.of(out, statistics, plan, decoder.modules(), counted(parts), listener);
        if (!finished) {
            listener.note(
                    "note: the recipe's algorithm solves weights: the calibration of the whole text with --out %s goes on with that"
                            .formatted(out.path()));
        }
        return new MergeResult(
                out.path(),
                status,
                parts.runs().size(),
                parts.sequences(),
                parts.tokens(),
                statistics.sites().size(),
                parts.missing().orElse(""),
                verdict.coverage(),
                verdict.toppedUp(),
                verdict.starved(),
                verdict.nonFinite(),
                memory.peakBytes(),
                verdict.passed());
    }

    /// Says what tokens were counted over, where that is not the model as it is on one whole text.
    private static String counted(RunParts parts) {
        String several = parts.isUnion()
                ? String.format(
                        Locale.ROOT, ", counted over %d texts", parts.portions().size())
                : "";
        int adapters = parts.manifests().getFirst().adapters().size();
        return Verdict.counted(adapters)
                + several
                + parts.missing().map(", without %s"::formatted).orElse("");
    }
}
