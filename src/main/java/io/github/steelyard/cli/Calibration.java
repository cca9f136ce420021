package io.github.steelyard.cli;

import io.github.steelyard.calibration.CalibrationRun;
import io.github.steelyard.calibration.Coverage;
import io.github.steelyard.calibration.Manifest;
import io.github.steelyard.calibration.Provenance;
import io.github.steelyard.calibration.ResidentMemory;
import io.github.steelyard.calibration.RunDirectory;
import io.github.steelyard.calibration.RunKey;
import io.github.steelyard.calibration.Statistics;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.ExportSource;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.ChromeTrace;
import io.github.steelyard.report.OwnExperts;
import io.github.steelyard.report.StatsJson;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;

/// The steps of a calibration, for every command that calibrates.
final class Calibration {

    /// Status of what was done before and is left as it is.
    static final String DONE_BEFORE = "already complete";

    private final Console console;
    private final CommonOptions common;
    private final CalibrateCommand.CalibrationChoices choices;
    private final EngineOptions engine;

    Calibration(
            Console console, CommonOptions common, CalibrateCommand.CalibrationChoices choices, EngineOptions engine) {
        this.console = console;
        this.common = common;
        this.choices = choices;
        this.engine = engine;
    }

    /// What a calibration comes to.
    ///
    /// @param starved experts with too few tokens, by module name
    /// @param nonFiniteSites sites that saw NaN or infinite values
    /// @param peakResidentBytes largest resident memory of the process, mapped file pages left out
    record Result(
            String run,
            String status,
            long sequences,
            long tokens,
            long truncatedTokens,
            int sites,
            String coverage,
            List<String> starved,
            List<String> nonFiniteSites,
            long peakResidentBytes,
            boolean passed) {

        /// Returns the result for people.
        List<String> lines() {
            return List.of(
                    String.format(
                            Locale.ROOT,
                            "%s: %s, %d sites, %d tokens in %d sequences",
                            run,
                            status,
                            sites,
                            tokens,
                            sequences),
                    coverage,
                    String.format(Locale.ROOT, "peak resident memory %d MiB", peakResidentBytes >> 20));
        }
    }

    /// Calibrates, or goes on with what was begun, or reports what is already done.
    ///
    /// @param format what will be written of it, which has to be possible
    Result run(Path checkpointDirectory, Recipe recipe, Path out, ExportOptions.Format format) {
        requireSensible(recipe);
        RunDirectory run = place(checkpointDirectory, recipe, out);
        Kernels kernels = engine.kernels();
        Gemm gemm = engine.gemm();
        try (Checkpoint checkpoint = Checkpoint.open(checkpointDirectory);
                ResidentMemory memory = new ResidentMemory()) {
            Decoder decoder = Inputs.model(checkpoint, console);
            Inputs.warnOfCache(checkpoint, decoder, console);
            Plan plan = Plan.of(recipe, decoder.modules());
            plan.warnings().forEach(warning -> console.finding(warning.finding()));
            if (format == ExportOptions.Format.MODELOPT) {
                Rehearsal.requireExportable(plan, new ExportSource(checkpoint, decoder), true);
            }
            ExpertBackend backend = backend(recipe, new OwnExperts(decoder, checkpoint.quantization()));
            CalibrationSet set = corpus(recipe, checkpoint, decoder);
            if (common.verbose) {
                console.note("kernels %s (%s), gemm %s (%s)"
                        .formatted(kernels.name(), kernels.reason(), gemm.name(), gemm.reason()));
            }
            String digest =
                    Digests.checkpoint(checkpoint, engine.threads, List.of()).sha256();
            Sequences sequences = Inputs.sequences(set);
            int threads = engine.threadsWithin(
                    MemoryPlan.of(decoder, sequences, checkpoint, MemoryPlan.Purpose.CALIBRATION), console);
            boolean all = experts(recipe) == CalibrationOptions.Experts.ALL;
            RunKey key = key(digest, plan, set, all, kernels, gemm);
            if (run.isFinished() && !choices.fresh) {
                Manifest manifest = requireSame(run, key);
                run.discardState();
                if (!manifest.recipe().digest().equals(recipe.digest())) {
                    run.describe(recipe.resolved(), manifest.withRecipe(input(recipe)));
                }
                return result(run, DONE_BEFORE, set, recipe, decoder, memory);
            }
            profiled(profile -> new CalibrationRun(
                            decoder, new Weights(checkpoint), sequences, kernels, gemm, backend, all, threads, profile)
                    .execute(
                            run,
                            key,
                            choices.fresh,
                            new Progress(console, "calibrate", set.tokens()),
                            statistics -> run.finish(
                                    statistics,
                                    recipe.resolved(),
                                    statisticsDigest -> manifest(
                                            checkpoint,
                                            recipe,
                                            set,
                                            key,
                                            provenance(kernels, gemm, threads),
                                            statisticsDigest))));
            return result(run, "complete", set, recipe, decoder, memory);
        }
    }

    private void profiled(Consumer<Profile> pass) {
        if (choices.profile == null) {
            pass.accept(Profile.NONE);
            return;
        }
        try (ChromeTrace trace = new ChromeTrace(choices.profile)) {
            pass.accept(trace);
        }
    }

    /// A calibration needs a backend that shows the w2 input; who asked for another is told why it will not do.
    private ExpertBackend backend(Recipe recipe, OwnExperts experts) {
        Optional<Choice> asked = Optional.ofNullable(choices.backend)
                .map(name -> new Choice(name, "--moe-backend"))
                .or(() -> recipe.calibration()
                        .moeBackend()
                        .map(name -> new Choice(name, "recipe %s, calibration.moe_backend".formatted(recipe.file()))));
        try {
            return experts.backend(asked, true);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    private void requireSensible(Recipe recipe) {
        boolean needsAll = recipe.calibration().starvedExperts() == CalibrationOptions.StarvedExperts.ALL_TOKENS;
        if (needsAll && experts(recipe) == CalibrationOptions.Experts.ROUTED) {
            throw new UsageException(
                    "--experts routed: the recipe's calibration.starved_experts: all_tokens needs all");
        }
    }

    private CalibrationSet corpus(Recipe recipe, Checkpoint checkpoint, Decoder decoder) {
        Path file = dataFile(recipe)
                .orElseThrow(
                        () -> new UsageException("no calibration text: give --data FILE, or data.path in the recipe"));
        DataOptions chosen = dataOptions(recipe);
        CalibrationSet set = Inputs.corpus(file, chosen, checkpoint, decoder);
        if (set.counts().truncatedTokens() > 0) {
            console.note(String.format(
                    Locale.ROOT,
                    "note: %d tokens of %d documents were cut off at %d tokens",
                    set.counts().truncatedTokens(),
                    set.counts().truncatedDocuments(),
                    chosen.sequenceLength()));
        }
        return set;
    }

    private CalibrationOptions.Experts experts(Recipe recipe) {
        return choices.experts == null ? recipe.calibration().experts() : choices.experts;
    }

    /// Returns the run's directory, which must be ours and apart from everything that is read.
    private RunDirectory place(Path checkpoint, Recipe recipe, Path out) {
        List<Path> inputs = new ArrayList<>(List.of(checkpoint, recipe.file()));
        dataFile(recipe).ifPresent(inputs::add);
        OutputPaths.requireApart(out, inputs);
        if (choices.profile != null) {
            OutputPaths.requireApart(choices.profile, inputs);
            AtomicFiles.requireReplaceable(choices.profile);
        }
        return RunDirectory.at(out);
    }

    private Optional<Path> dataFile(Recipe recipe) {
        return Optional.ofNullable(choices.data).or(() -> recipe.data().path());
    }

    private DataOptions dataOptions(Recipe recipe) {
        DataOptions options = recipe.data();
        return new DataOptions(
                dataFile(recipe),
                choices.maxSequences == null ? options.maxSequences() : OptionalInt.of(choices.maxSequences),
                choices.sequenceLength == null ? options.sequenceLength() : choices.sequenceLength,
                options.packing(),
                options.seed(),
                options.addSpecialTokens());
    }

    private RunKey key(String checkpoint, Plan plan, CalibrationSet set, boolean all, Kernels kernels, Gemm gemm) {
        TreeMap<String, String> parts = new TreeMap<>(plan.effectiveKeys());
        dataOptions(plan.recipe()).texts().forEach((name, value) -> parts.put("data." + name, value));
        parts.put("checkpoint", checkpoint);
        parts.put("data", set.digest());
        parts.put("experts", all ? "all" : "routed");
        parts.put("kernels", kernels.name());
        parts.put("gemm", gemm.name());
        parts.put("version", Provenance.version());
        return new RunKey(parts);
    }

    private static Manifest requireSame(RunDirectory run, RunKey key) {
        Manifest manifest = run.manifest();
        TreeMap<String, String> parts = new TreeMap<>(manifest.settings());
        parts.put("checkpoint", manifest.checkpoint().digest());
        parts.put("data", manifest.data().digest());
        key.requireContinues(new RunKey(parts), run.manifestFile());
        return manifest;
    }

    private static Manifest.Input input(Recipe recipe) {
        return new Manifest.Input(recipe.file().toString(), recipe.digest());
    }

    private Manifest manifest(
            Checkpoint checkpoint,
            Recipe recipe,
            CalibrationSet set,
            RunKey key,
            Provenance provenance,
            String statisticsDigest) {
        TreeMap<String, String> settings = new TreeMap<>(key.parts());
        settings.keySet().removeAll(List.of("checkpoint", "data"));
        return new Manifest(
                new Manifest.Input(
                        checkpoint.directory().toAbsolutePath().normalize().toString(),
                        Arguments.required(key.parts().get("checkpoint"))),
                input(recipe),
                new Manifest.Input(dataFile(recipe).map(Path::toString).orElse(""), set.digest()),
                set.count(),
                set.tokens(),
                settings,
                statisticsDigest,
                provenance);
    }

    private static Provenance provenance(Kernels kernels, Gemm gemm, int threads) {
        return Provenance.capture(
                Map.of("threads", Integer.toString(threads), "kernels", kernels.reason(), "gemm", gemm.reason()));
    }

    private Result result(
            RunDirectory run,
            String status,
            CalibrationSet set,
            Recipe recipe,
            Decoder decoder,
            ResidentMemory memory) {
        Statistics statistics = run.statistics();
        CalibrationOptions options = recipe.calibration();
        Coverage coverage = Coverage.of(statistics, decoder.modules(), options.minTokens());
        List<String> starved =
                coverage.starved().stream().map(Coverage.Expert::module).toList();
        List<String> nonFinite = StatsJson.inOrder(statistics).entrySet().stream()
                .filter(entry -> entry.getValue().nonFinite() > 0)
                .map(entry -> entry.getKey().name())
                .toList();
        boolean refused = !starved.isEmpty() && options.starvedExperts() == CalibrationOptions.StarvedExperts.FAIL;
        run.writeStarved(coverage.list());
        if (!starved.isEmpty()) {
            String message = "%s; all of them in %s".formatted(coverage.summary(), run.starvedFile());
            console.finding(
                    refused
                            ? Finding.error("starved-experts", "", message)
                            : Finding.warning("starved-experts", "", message));
        }
        console.findings(nonFinite.stream()
                .map(site -> Finding.error("non-finite", site, "%s: saw NaN or infinite values".formatted(site)))
                .toList());
        if (refused) {
            console.note(String.format(
                            Locale.ROOT,
                            "error: %d starved experts; give more text, lower calibration.min_tokens, or set",
                            starved.size())
                    + " calibration.starved_experts to layer_max or all_tokens");
        }
        return new Result(
                run.path().toString(),
                status,
                set.count(),
                set.tokens(),
                set.counts().truncatedTokens(),
                statistics.sites().size(),
                coverage.summary(),
                starved,
                nonFinite,
                memory.peakBytes(),
                !refused && nonFinite.isEmpty());
    }
}
