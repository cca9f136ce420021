package io.github.steelyard.job;

import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.family.TensorCensus;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.Forecast;
import io.github.steelyard.report.PlanReport;
import io.github.steelyard.report.ServingPlan;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.site.Tap;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// Says what will happen to a checkpoint, before any weight is read: for each module the deciding rule, for each expert
/// layer the serving backend and what it hides, and time, memory, disk and coverage.
public final class PlanJob {

    private static final long ASSUMED_TOKENS = 512L * 512;
    private static final int ASSUMED_LONGEST = 512;
    private static final int DEFAULT_SEQUENCE_LENGTH = 4096;

    private final PlanRequest request;
    private final JobListener listener;

    private PlanJob(PlanRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Plans.
    ///
    /// @throws RequestException if the request does not make sense
    /// @throws ResourceException if memory does not suffice for a probe
    /// @throws io.github.steelyard.files.CheckpointException if the config cannot be used, or the weights beside it
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit the checkpoint
    /// @throws io.github.steelyard.calibration.GateException if what the recipe wants cannot be written
    /// @throws io.github.steelyard.corpus.CorpusException if the text cannot be used
    /// @throws io.github.steelyard.statistics.StatisticsException if a run is damaged
    public static PlanReport run(PlanRequest request, JobListener listener) {
        return new PlanJob(request, listener).run();
    }

    private PlanReport run() {
        ModelConfigs configs = ModelConfigs.read(request.checkpoint());
        configs.quantization().findings().forEach(listener::finding);
        return Inputs.described(configs, (decoder, opened) -> {
            opened.ifPresent(TensorCensus::requireNoInputFactors);
            opened.ifPresent(checkpoint -> Inputs.warnOfCache(checkpoint, decoder, listener));
            return report(configs, decoder, opened);
        });
    }

    private PlanReport report(ModelConfigs configs, Decoder decoder, Optional<Checkpoint> opened) {
        Optional<Plan> plan =
                request.recipe().map(recipe -> Inputs.plan(recipe, configs.quantization(), opened, decoder));
        plan.ifPresent(planned -> requireExportable(planned, decoder, opened));
        Optional<ServingPlan> served = request.serving().map(serving -> served(serving, configs, decoder, plan));
        PlanReport report = PlanReport.of(
                configs,
                decoder,
                plan,
                served,
                Forecast.of(decoder, configs.quantization(), plan, basis(configs, decoder, opened)));
        plan.ifPresent(p -> PlanReport.warnings(p).forEach(warning -> listener.finding(warning.finding())));
        return report;
    }

    /// Refuses what `run` would.
    private static void requireExportable(Plan plan, Decoder decoder, Optional<Checkpoint> opened) {
        if (!plan.recipe().export().format().isCheckpoint()) {
            return;
        }
        if (opened.isPresent()) {
            TensorCensus.of(opened.get(), decoder).requireComplete(opened.get().directory());
            Rehearsal.requireExportable(plan, ExportSource.of(opened.get(), decoder), false);
        } else {
            Rehearsal.requireExportable(plan, decoder);
        }
    }

    private static ServingPlan served(
            PlanRequest.Serving serving, ModelConfigs configs, Decoder decoder, Optional<Plan> plan) {
        Optional<Statistics> statistics = serving.run().map(RunDirectory::open).map(RunDirectory::statistics);
        ServingPlan served = ServingPlan.of(decoder, configs.quantization(), plan, serving.question(), statistics);
        serving.run().filter(run -> !served.hasSpread()).ifPresent(run -> {
            throw new RequestException("--stats %s: has no input amax of any expert of this model".formatted(run));
        });
        return served;
    }

    private Forecast.Basis basis(ModelConfigs configs, Decoder decoder, Optional<Checkpoint> opened) {
        CalibrationOptions options = request.recipe().map(Recipe::calibration).orElse(CalibrationOptions.DEFAULT);
        Forecast.Machine machine = new Forecast.Machine(request.compute().threads(), rate());
        boolean all = options.experts() == CalibrationOptions.Experts.ALL;
        OptionalInt tensors = opened.map(
                        checkpoint -> OptionalInt.of(checkpoint.tensors().size()))
                .orElse(OptionalInt.empty());
        Map<String, long[]> counts = new HashMap<>();
        long probed = 0;
        Forecast.Text text;
        switch (request.text()) {
            case PlanRequest.Usual usual ->
                text = Optional.of(dataOptions().sources())
                        .filter(sources ->
                                !sources.isEmpty() && sources.stream().allMatch(DataSource::isThere))
                        .map(sources -> counted(dataOptions(), configs, decoder))
                        .orElse(new Forecast.Text(ASSUMED_TOKENS, "assumed; say --tokens or --data", ASSUMED_LONGEST));
            case PlanRequest.Count count -> text = new Forecast.Text(count.tokens(), "given", ASSUMED_LONGEST);
            case PlanRequest.Given given -> {
                text = counted(dataOptions(given), configs, decoder);
                probed = given.probe().isPresent() ? probe(decoder, given, counts) : 0;
            }
        }
        return new Forecast.Basis(text, machine, all, options.minTokens(), tensors, counts, probed);
    }

    private static Forecast.Text counted(DataOptions options, ModelConfigs configs, Decoder decoder) {
        CalibrationSet set = Inputs.corpus(options, configs.directory(), configs.config(), decoder);
        return new Forecast.Text(set.tokens(), "counted", Inputs.sequences(set).longest());
    }

    private DataOptions dataOptions() {
        return request.recipe()
                .map(Recipe::data)
                .orElseGet(() -> DataOptions.DEFAULT.withSequenceLength(DEFAULT_SEQUENCE_LENGTH));
    }

    private DataOptions dataOptions(PlanRequest.Given given) {
        return dataOptions()
                .withSources(given.data().stream().map(DataSource::of).toList());
    }

    private Optional<Double> rate() {
        if (request.gflops().isPresent()) {
            double given = request.gflops().getAsDouble();
            return given > 0 ? Optional.of(given) : Optional.empty();
        }
        Compute compute = request.compute();
        return Optional.of(Compute.peak(compute.product(), compute.threads()).gemmAllThreads() / 1e9);
    }

    /// Runs a few sequences and keeps what the routers choose.
    private long probe(Decoder decoder, PlanRequest.Given given, Map<String, long[]> counts) {
        try (Checkpoint opened = Checkpoint.open(request.checkpoint())) {
            DataOptions options = dataOptions(given);
            DataOptions first = given.probe().isPresent() ? options.withMaxSequences(given.probe()) : options;
            return route(opened, decoder, Inputs.corpus(first, opened, decoder), counts);
        }
    }

    private long route(Checkpoint opened, Decoder decoder, CalibrationSet set, Map<String, long[]> counts) {
        Sequences sequences = Inputs.sequences(set);
        EngineListener counting = new EngineListener() {
            @Override
            public void routed(String router, long[] routed) {
                counts.put(router, routed.clone());
            }
        };
        ExpertBackend experts = ForwardPass.experts(opened, decoder, Optional.empty(), false);
        Compute compute = request.compute();
        int threads = compute.threadsWithin(
                MemoryPlan.of(decoder, sequences, opened, MemoryPlan.Purpose.EVALUATION), listener);
        ForwardPass pass = new ForwardPass(
                new CheckpointWeights(opened),
                decoder,
                sequences,
                compute.arithmetic(),
                compute.product(),
                experts,
                ShownTokens.NONE,
                threads);
        try (Arena arena = Arena.ofShared()) {
            LayerStore store = LayerStore.inMemory(arena, sequences, decoder.hidden());
            EngineListener progress = listener.passBegins("probe", sequences.tokens());
            pass.run(
                    Tap.NONE,
                    store,
                    CorpusContext.RowMemory.ANONYMOUS,
                    Profile.NONE,
                    progress.and(counting),
                    Optional.empty());
        }
        return sequences.tokens();
    }
}
