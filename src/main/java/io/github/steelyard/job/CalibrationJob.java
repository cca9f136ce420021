package io.github.steelyard.job;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.family.Families;
import io.github.steelyard.family.TensorCensus;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.passes.ResidentMemory;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Setting;
import io.github.steelyard.report.ChromeTrace;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.Portion;
import io.github.steelyard.run.Provenance;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Profile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/// Measures the statistics of every quantizer site of a checkpoint.
public final class CalibrationJob {

    /// Status of what was done now.
    public static final String DONE = "complete";
    /// Status of what was done before and is left as it is.
    public static final String DONE_BEFORE = "already complete";

    private final CalibrationRequest request;
    private final Recipe recipe;
    private final JobListener listener;

    private CalibrationJob(CalibrationRequest request, JobListener listener) {
        this.request = request;
        this.recipe = request.recipe();
        this.listener = listener;
    }

    /// Calibrates, or goes on with what was begun, or reports what is already done. Progress is kept in the run's
    /// directory after each layer: a process that was killed at any instant is gone on with by the same request.
    ///
    /// @throws RequestException if the request does not make sense
    /// @throws ResourceException if memory does not suffice
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws io.github.steelyard.corpus.CorpusException if the text cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit the checkpoint
    /// @throws io.github.steelyard.calibration.GateException if what the recipe wants cannot be written
    /// @throws io.github.steelyard.statistics.StatisticsException if the directory holds another run, or a damaged one
    /// @throws io.github.steelyard.files.OutputException if the directory is no run's, or in use
    /// @throws io.github.steelyard.files.StorageException if something cannot be written
    public static CalibrationResult run(CalibrationRequest request, JobListener listener) {
        return new CalibrationJob(request, listener).run();
    }

    private CalibrationResult run() {
        requireSensible();
        RunDirectory run = place();
        Kernels kernels = request.compute().arithmetic();
        Gemm chosen = request.compute().product();
        try (Checkpoint checkpoint = Checkpoint.open(request.checkpoint());
                ResidentMemory memory = new ResidentMemory()) {
            Decoder decoder = Inputs.model(checkpoint, listener);
            TensorCensus.requireNoInputFactors(checkpoint);
            Inputs.warnOfCache(checkpoint, decoder, listener);
            try (Adapters adapters = Inputs.adapters(request.choices().adapters(), decoder, listener)) {
                return run(run, new CalibratedModel(checkpoint, decoder, adapters), kernels, chosen, memory);
            }
        }
    }

    private CalibrationResult run(
            RunDirectory run, CalibratedModel model, Kernels kernels, Gemm chosen, ResidentMemory memory) {
        Checkpoint checkpoint = model.checkpoint();
        Decoder decoder = model.decoder();
        Plan plan = Inputs.plan(
                recipe.exportedAs(request.format()), checkpoint.quantization(), Optional.of(checkpoint), decoder);
        plan.warnings().forEach(warning -> listener.finding(warning.finding()));
        if (request.format().isCheckpoint()) {
            Rehearsal.requireExportable(plan, ExportSource.of(checkpoint, decoder), true);
        }
        ExpertBackend backend = ForwardPass.experts(checkpoint, decoder, request.moeBackend(), true);
        Gemm gemm = product(run, chosen, decoder.layers().size());
        CalibratedText text =
                CalibratedText.of(corpus(checkpoint, decoder), request.choices().shard());
        Drawing drawing = text.drawing(request);
        listener.detail("kernels %s (%s), gemm %s (%s)"
                .formatted(kernels.name(), kernels.reason(), gemm.name(), gemm.reason()));
        requireExperts(decoder);
        String digest = Digests.checkpoint(checkpoint, request.compute().threads(), List.of())
                .sha256();
        int threads = request.compute()
                .threadsWithin(
                        CalibrationPasses.memory(drawing, model, text, plan).withAdapters(model.adapters()::floats),
                        listener);
        RunKey key = key(digest, checkpoint.config(), plan, text, drawing, model.adapters(), kernels, gemm);
        if (run.isFinished() && !request.choices().fresh()) {
            Manifest manifest = requireSame(run, key);
            run.discardState();
            if (!manifest.recipe().digest().equals(recipe.digest())) {
                run.describe(recipe.resolved(), manifest.withRecipe(input(recipe)));
            }
            return result(run, DONE_BEFORE, plan, text, model, memory);
        }
        CalibrationPasses passes =
                new CalibrationPasses(request, listener, text, drawing, plan, model, kernels, gemm, backend, threads);
        profiled(profile -> passes.execute(run, key, profile));
        gemm.remarks().forEach(remark -> listener.note("note: " + gemm.name() + ": " + remark));
        return result(run, DONE, plan, text, model, memory);
    }

    private void requireExperts(Decoder decoder) {
        boolean asked = request.drawing().targetTokens().isPresent();
        if (asked && decoder.modules().stream().noneMatch(ModuleInfo::isExpert)) {
            throw new RequestException("experts: top_up: the model has no routed experts");
        }
    }

    /// Returns the matrix product. One that nobody asked for by name gives way to the one that the run was begun with.
    private Gemm product(RunDirectory run, Gemm chosen, int layers) {
        if (!request.compute().isProductChosen() || request.choices().fresh()) {
            return chosen;
        }
        Optional<Gemm> begun = run.setting("gemm", layers)
                .filter(name -> !name.equals(chosen.name()))
                .flatMap(Gemm::named);
        begun.ifPresent(product -> listener.note("note: goes on with matrix product %s, as it was begun, not with %s"
                .formatted(product.name(), chosen.name())));
        return begun.orElse(chosen);
    }

    private void profiled(Consumer<Profile> pass) {
        if (request.choices().profile().isEmpty()) {
            pass.accept(Profile.NONE);
            return;
        }
        try (ChromeTrace trace = new ChromeTrace(request.choices().profile().get())) {
            pass.accept(trace);
        }
    }

    private void requireSensible() {
        boolean needsAll = recipe.calibration().starvedExperts() == CalibrationOptions.StarvedExperts.ALL_TOKENS;
        if (needsAll && request.experts() != CalibrationOptions.Experts.ALL) {
            throw new RequestException("--experts %s: the recipe's calibration.starved_experts: all_tokens needs all"
                    .formatted(word(request.experts())));
        }
    }

    private CalibrationSet corpus(Checkpoint checkpoint, Decoder decoder) {
        DataOptions chosen = request.dataOptions();
        if (chosen.sources().isEmpty()) {
            throw new RequestException("no calibration text: give --data FILE, or data.path in the recipe");
        }
        CalibrationSet set = Inputs.corpus(chosen, checkpoint, decoder);
        if (set.counts().truncatedTokens() > 0) {
            listener.note(String.format(
                    Locale.ROOT,
                    "note: %d tokens of %d documents were cut off at %d tokens",
                    set.counts().truncatedTokens(),
                    set.counts().truncatedDocuments(),
                    chosen.sequenceLength()));
        }
        return set;
    }

    /// Returns the run's directory, which must be ours and apart from everything that is read.
    private RunDirectory place() {
        List<Path> inputs = new ArrayList<>(List.of(request.checkpoint()));
        inputs.addAll(recipe.sources());
        inputs.addAll(request.dataOptions().files());
        inputs.addAll(request.choices().adapters());
        OutputPaths.requireApart(request.run(), inputs);
        request.choices().profile().ifPresent(profile -> {
            OutputPaths.requireApart(profile, inputs);
            AtomicFiles.requireReplaceable(profile);
        });
        return RunDirectory.at(request.run());
    }

    private RunKey key(
            String checkpoint,
            ConfigJson config,
            Plan plan,
            CalibratedText text,
            Drawing drawing,
            Adapters adapters,
            Kernels kernels,
            Gemm gemm) {
        TreeMap<String, String> parts = new TreeMap<>(plan.effectiveKeys());
        request.dataOptions().texts().forEach((name, value) -> parts.put("data." + name, value));
        parts.put(RunKey.CHECKPOINT, checkpoint);
        Families.declaration(config).ifPresent(told -> parts.put("family", Digests.ofText(told)));
        parts.put(RunKey.DATA, text.set().digest());
        text.portions(request).forEach(part -> parts.put(RunKey.PART, part.described()));
        parts.put("experts", word(request.experts()));
        parts.putAll(drawing.texts());
        parts.put("kernels", kernels.name());
        parts.put("gemm", gemm.name());
        parts.put("version", Provenance.version());
        adapters.all().forEach(adapter -> parts.put(Manifest.ADAPTER + adapter.name(), adapter.digest()));
        return new RunKey(parts);
    }

    private static String word(CalibrationOptions.Experts experts) {
        return experts.name().toLowerCase(Locale.ROOT);
    }

    private static Manifest requireSame(RunDirectory run, RunKey key) {
        Manifest manifest = run.manifest();
        key.requireContinues(manifest.key(), run.manifestFile());
        return manifest;
    }

    static Manifest.RecipeInput input(Recipe recipe) {
        return new Manifest.RecipeInput(
                recipe.file().toString(),
                recipe.digest(),
                recipe.settings().stream().map(Setting::text).toList());
    }

    private CalibrationResult result(
            RunDirectory run,
            String status,
            Plan plan,
            CalibratedText text,
            CalibratedModel model,
            ResidentMemory memory) {
        Manifest manifest = run.manifest();
        Statistics statistics = run.statistics();
        Verdict verdict = manifest.portions().isEmpty()
                ? Verdict.of(
                        run,
                        statistics,
                        plan,
                        model.decoder().modules(),
                        Verdict.counted(model.adapters().all().size()),
                        listener)
                : Verdict.ofPart(statistics, Portion.described(manifest.portions()), listener);
        return new CalibrationResult(
                run.path(),
                status,
                manifest.sequences(),
                manifest.tokens(),
                text.set().counts().truncatedTokens(),
                statistics.sites().size(),
                manifest.draws()
                        .map(draws -> draws.summary(text.sequences().count()))
                        .orElse(""),
                verdict.coverage(),
                verdict.toppedUp(),
                verdict.starved(),
                verdict.nonFinite(),
                memory.peakBytes(),
                verdict.passed());
    }
}
