package io.github.steelyard.job;

import io.github.steelyard.calibration.Rescaling;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.Solvers;
import io.github.steelyard.calibration.WeightSearch;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.export.CheckpointExporter;
import io.github.steelyard.export.ExportRun;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.Portion;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.run.SolvedTensors;
import io.github.steelyard.run.SolvedWeights;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/// A finished run with its checkpoint opened and its recipe resolved.
///
/// @param run its directory
/// @param weights the checkpoint's, under what the run solved
/// @param rescaling what its factors became, if it solved any
/// @param solved what that is
/// @param decoder the checkpoint's model
/// @param plan the recipe's rules, resolved against it
/// @param sharing whether each expert or each layer has one input scale
public record OpenedRun(
        RunDirectory run,
        Weights weights,
        Optional<Rescaling> rescaling,
        SolvedTensors solved,
        Decoder decoder,
        Plan plan,
        ExportOptions.Sharing sharing)
        implements AutoCloseable {

    /// Opens a run and tells what is odd about its recipe.
    public static OpenedRun open(FinishedRun finished, JobListener listener) {
        OpenedRun opened = open(finished);
        opened.plan.warnings().forEach(warning -> listener.finding(warning.finding()));
        Portion.missing(opened.run.manifest().portions())
                .ifPresent(missing -> listener.finding(Finding.warning(
                        "partial", "", "%s: measured without %s".formatted(opened.run.path(), missing))));
        return opened;
    }

    /// Opens a run whose calibration has told that already.
    static OpenedRun open(FinishedRun finished) {
        RunDirectory run = RunDirectory.open(finished.directory());
        Recipe recipe =
                finished.recipe().orElseGet(() -> Recipe.parse(run.recipeFile(), run.recipe(), finished.settings()));
        Path source = finished.checkpoint()
                .orElseGet(() -> Path.of(run.manifest().checkpoint().path()));
        Checkpoint checkpoint = Checkpoint.open(source);
        Decoder decoder = Families.of(checkpoint);
        Plan plan = Inputs.plan(recipe, checkpoint.quantization(), Optional.of(checkpoint), decoder);
        SolvedTensors solved = Solvers.isWanted(plan) ? solved(run, plan) : SolvedTensors.none();
        return of(
                run,
                checkpoint,
                solved,
                decoder,
                plan,
                finished.sharing().orElse(recipe.export().sharing()));
    }

    private static OpenedRun of(
            RunDirectory run,
            Checkpoint checkpoint,
            SolvedTensors solved,
            Decoder decoder,
            Plan plan,
            ExportOptions.Sharing sharing) {
        Optional<Rescaling> rescaling = Rescaling.of(plan, decoder, solved);
        Weights weights = SolvedWeights.over(new CheckpointWeights(checkpoint), decoder, solved);
        return new OpenedRun(
                run,
                rescaling.map(factors -> factors.over(weights, decoder)).orElse(weights),
                rescaling,
                solved,
                decoder,
                plan,
                sharing);
    }

    /// Opens what a run solved, which was solved for its own algorithm and rules and no others.
    private static SolvedTensors solved(RunDirectory run, Plan plan) {
        Manifest manifest = run.manifest();
        if (!manifest.portions().isEmpty()) {
            throw new StatisticsException(
                    run.manifestFile(),
                    "this recipe solves weights (algorithm '%s') by the whole of a text, and the run measured %s; merge it with the others, and calibrate"
                            .formatted(
                                    plan.recipe()
                                            .algorithms()
                                            .getFirst()
                                            .method()
                                            .name(),
                                    Portion.described(manifest.portions())));
        }
        TreeMap<String, String> begun = new TreeMap<>(manifest.settings());
        begun.keySet().removeIf(name -> !name.startsWith("quantize."));
        if (!begun.equals(plan.effectiveKeys())) {
            throw new StatisticsException(
                    run.manifestFile(),
                    "this recipe solves weights (algorithm '%s'), and the run did not with the same algorithm and rules; calibrate with it"
                            .formatted(plan.recipe()
                                    .algorithms()
                                    .getFirst()
                                    .method()
                                    .name()));
        }
        return SolvedTensors.open(run);
    }

    Checkpoint checkpoint() {
        return weights.checkpoint();
    }

    /// Returns what an export is made of.
    ExportSource source() {
        return new ExportSource(weights, decoder);
    }

    /// Returns the same, written in another format.
    OpenedRun writtenAs(ExportOptions.Format format) {
        Plan another = Inputs.plan(
                plan.recipe().exportedAs(format), checkpoint().quantization(), Optional.of(checkpoint()), decoder);
        return of(run, checkpoint(), solved, decoder, another, sharing);
    }

    Statistics statistics() {
        return run.statistics();
    }

    /// Returns the names of the adapters that were measured, in the order of the statistics.
    List<String> adapters() {
        return run.manifest().adapters();
    }

    /// Returns the scales of the plan.
    ///
    /// @throws io.github.steelyard.calibration.GateException if a site cannot have one
    ///
    /// @param threads how many weights are searched at a time, if the recipe's algorithm searches any
    ScaleTable scales(int threads) {
        Statistics statistics = statistics();
        return ScaleTable.resolve(statistics, plan, sharing, search(threads)).naming(adapters(), statistics);
    }

    /// Returns the scales of the plan that can be made, for reports.
    ///
    /// @param threads as of [#scales]
    ScaleTable resolvableScales(int threads) {
        Statistics statistics = statistics();
        return ScaleTable.resolvable(statistics, plan, sharing, search(threads)).naming(adapters(), statistics);
    }

    private Optional<WeightSearch> search(int threads) {
        return WeightSearch.of(
                plan,
                decoder,
                rescaling.isPresent() ? weights : new CheckpointWeights(checkpoint()),
                rescaling,
                threads);
    }

    /// Refuses a checkpoint that is not the one that was calibrated.
    public void requireSameCheckpoint(int threads) {
        String wanted = run.manifest().checkpoint().digest();
        String found = Digests.checkpoint(checkpoint(), threads, List.of()).sha256();
        if (!wanted.equals(found)) {
            throw new StatisticsException(
                    run.manifestFile(),
                    "was calibrated on a checkpoint with digest %s, %s has %s"
                            .formatted(wanted, checkpoint().directory(), found));
        }
    }

    /// Returns what a server would quantise after an export: by the plan, and where the plan leaves a quantised module
    /// alone, as the checkpoint says, unless the export decodes it.
    ///
    /// @param threads as of [#scales]
    public Map<Site, FakeQuantizer> quantizers(int threads) {
        return new CheckpointExporter(source(), plan, scales(threads), new ExportRun(1, 1, bytes -> {})).quantizers();
    }

    /// Returns the digests that exports record.
    Map<String, String> inputDigests() {
        Manifest manifest = run.manifest();
        Map<String, String> digests = new TreeMap<>();
        digests.put("checkpoint", manifest.checkpoint().digest());
        digests.put("recipe", plan.recipe().digest());
        digests.put("data", manifest.data().digest());
        digests.put("statistics", manifest.statisticsDigest());
        if (!manifest.portions().isEmpty()) {
            digests.put(RunKey.PART, Portion.described(manifest.portions()));
        }
        manifest.adapters()
                .forEach(name -> digests.put(
                        Manifest.ADAPTER + name,
                        Objects.requireNonNull(manifest.settings().get(Manifest.ADAPTER + name))));
        if (!solved.isEmpty()) {
            digests.put("solved", Digests.ofText(manifest.solved().toString()));
        }
        return digests;
    }

    @Override
    public void close() {
        solved.close();
        checkpoint().close();
    }
}
