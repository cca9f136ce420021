package io.github.steelyard.cli;

import io.github.steelyard.calibration.RunDirectory;
import io.github.steelyard.calibration.Statistics;
import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.ExportSource;
import io.github.steelyard.export.Rehearsal;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.gemm.Peak;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Tap;
import io.github.steelyard.model.TensorCensus;
import io.github.steelyard.oracle.Oracle;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.Forecast;
import io.github.steelyard.report.OwnExperts;
import io.github.steelyard.report.PlanReport;
import io.github.steelyard.report.ServingPlan;
import io.github.steelyard.weights.Weights;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard plan`: what will happen to a checkpoint, before any weight is read.
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what a recipe will do, how a server will run it, and what it takes.",
            "For each module the deciding rule; for each expert layer the serving backend and what it hides; time, memory,",
            "disk and coverage. Configs are enough: no weight is read, unless --probe asks for it.",
            "Exit code 1 when the serving engine refuses a layer."
        })
final class PlanCommand extends SteelyardCommand {

    private static final long ASSUMED_TOKENS = 512L * 512;
    private static final int ASSUMED_LONGEST = 512;

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory with a config.json, weights or not.")
    @Nullable
    Path checkpoint;

    @Option(names = "--recipe", paramLabel = "FILE", description = "YAML recipe (default: the checkpoint as it is).")
    @Nullable
    Path recipe;

    @Option(names = "--data", paramLabel = "FILE", description = "Calibration text, for the forecast.")
    @Nullable
    Path data;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Number of calibration tokens, without --data.")
    @Nullable
    Integer tokens;

    @Option(names = "--stats", paramLabel = "RUN", description = "A finished run: shows how far experts lie apart.")
    @Nullable
    Path stats;

    @Option(
            names = "--probe",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Route the first N sequences of --data through the weights, for the coverage forecast.")
    @Nullable
    Integer probe;

    @Option(
            names = "--gflops",
            paramLabel = "X",
            converter = Arguments.Measure.class,
            description = "Rate of the matrix product, instead of measuring it for two seconds; 0: no time forecast.")
    @Nullable
    Double gflops;

    @Mixin
    ServingOptions serving = new ServingOptions();

    @Mixin
    EngineOptions engine = new EngineOptions();

    PlanCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        requireSensible();
        Path directory = Arguments.required(checkpoint);
        ModelConfigs configs = ModelConfigs.read(directory);
        configs.quantization().findings().forEach(console::finding);
        if (!hasWeights(directory)) {
            return report(configs, Families.of(configs.config()), Optional.empty());
        }
        // Where there are weights, their names decide what the config leaves open.
        try (Checkpoint opened = Checkpoint.open(directory)) {
            Decoder decoder = Families.describe(opened);
            Inputs.warnOfCache(opened, decoder, console);
            return report(configs, decoder, Optional.of(opened));
        }
    }

    private Outcome report(ModelConfigs configs, Decoder decoder, Optional<Checkpoint> opened) {
        Optional<Recipe> read = Optional.ofNullable(recipe).map(Recipe::read);
        Optional<Plan> plan = read.map(r -> Plan.of(r, decoder.modules()));
        plan.ifPresent(planned -> requireExportable(planned, decoder, opened));
        Optional<ServingPlan> served =
                serving.device == null ? Optional.empty() : Optional.of(served(configs, decoder, plan));
        Forecast.Basis basis = basis(configs, decoder, opened, read);
        PlanReport report = PlanReport.of(
                configs, decoder, plan, served, Forecast.of(decoder, configs.quantization(), plan, basis));
        plan.ifPresent(p -> PlanReport.warnings(p).forEach(warning -> console.finding(warning.finding())));
        return Outcome.gate(report.passed(), report, report.lines());
    }

    /// Refuses what `run` would.
    private static void requireExportable(Plan plan, Decoder decoder, Optional<Checkpoint> opened) {
        if (plan.recipe().export().format() != ExportOptions.Format.MODELOPT) {
            return;
        }
        if (opened.isPresent()) {
            TensorCensus.of(opened.get(), decoder).requireComplete(opened.get().directory());
            Rehearsal.requireExportable(plan, new ExportSource(opened.get(), decoder), false);
        } else {
            Rehearsal.requireExportable(plan, decoder);
        }
    }

    private static boolean hasWeights(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.anyMatch(file -> file.toString().endsWith(".safetensors"));
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be listed: " + FileProblem.reason(directory, e), e);
        }
    }

    private ServingPlan served(ModelConfigs configs, Decoder decoder, Optional<Plan> plan) {
        ServingPlan served = ServingPlan.of(decoder, configs.quantization(), plan, question(), statistics());
        if (stats != null && !served.hasSpread()) {
            throw new UsageException("--stats %s: has no input amax of any expert of this model".formatted(stats));
        }
        return served;
    }

    private ServingPlan.Question question() {
        Catalogue catalogue = serving.catalogue();
        return new ServingPlan.Question(
                new Oracle(catalogue), serving.device(catalogue), serving.deployment(), serving.preference());
    }

    private Optional<Statistics> statistics() {
        return Optional.ofNullable(stats).map(RunDirectory::open).map(RunDirectory::statistics);
    }

    /// Without a device no engine is asked, so what was said about it would be lost without a word.
    private void requireSensible() {
        if (serving.device == null) {
            Set<String> ofEngine = Arguments.ofMixin(spec, "serving");
            List<String> lost = Arguments.given(spec).stream()
                    .filter(name -> ofEngine.contains(name) || name.equals("--stats"))
                    .toList();
            if (!lost.isEmpty()) {
                throw new UsageException("%s: no effect without --device".formatted(String.join(", ", lost)));
            }
        }
        if (probe != null && data == null) {
            throw new UsageException("--probe: expected --data with the text to route");
        }
        if (tokens != null && data != null) {
            throw new UsageException("--tokens and --data exclude each other");
        }
    }

    private Forecast.Basis basis(
            ModelConfigs configs, Decoder decoder, Optional<Checkpoint> opened, Optional<Recipe> read) {
        CalibrationOptions options = read.map(Recipe::calibration).orElse(CalibrationOptions.DEFAULT);
        Forecast.Machine machine = new Forecast.Machine(engine.threads, rate());
        boolean all = options.experts() == CalibrationOptions.Experts.ALL;
        OptionalInt tensors = opened.map(
                        checkpoint -> OptionalInt.of(checkpoint.tensors().size()))
                .orElse(OptionalInt.empty());
        Optional<Path> corpus = corpus(read);
        if (corpus.isEmpty()) {
            Forecast.Text text = tokens == null
                    ? new Forecast.Text(ASSUMED_TOKENS, "assumed; say --tokens or --data", ASSUMED_LONGEST)
                    : new Forecast.Text(tokens, "given", ASSUMED_LONGEST);
            return new Forecast.Basis(text, machine, all, options.minTokens(), tensors, Map.of(), 0);
        }
        CalibrationSet set = Inputs.corpus(
                corpus.get(), options(read, OptionalInt.empty()), configs.directory(), configs.config(), decoder);
        Map<String, long[]> counts = new HashMap<>();
        long probed = probe == null ? 0L : probe(decoder, read, probe, counts);
        Forecast.Text text =
                new Forecast.Text(set.tokens(), "counted", Inputs.sequences(set).longest());
        return new Forecast.Basis(text, machine, all, options.minTokens(), tensors, counts, probed);
    }

    /// Returns the text that a calibration would run on: the one given, else the recipe's where it is there.
    private Optional<Path> corpus(Optional<Recipe> read) {
        if (data != null || tokens != null) {
            return Optional.ofNullable(data);
        }
        return read.flatMap(r -> r.data().path()).filter(Files::exists);
    }

    private DataOptions options(Optional<Recipe> read, OptionalInt most) {
        return read.map(Recipe::data)
                .map(d -> new DataOptions(
                        d.path(),
                        most.isPresent() ? most : d.maxSequences(),
                        d.sequenceLength(),
                        d.packing(),
                        d.seed(),
                        d.addSpecialTokens()))
                .orElseGet(() -> new DataOptions(
                        Optional.empty(), most, 4096, DataOptions.Packing.NONE, OptionalLong.empty(), true));
    }

    private Optional<Double> rate() {
        if (gflops != null) {
            return gflops > 0 ? Optional.of(gflops) : Optional.empty();
        }
        return Optional.of(
                Peak.measure(engine.gemm(), engine.threads, System::nanoTime).gemmAllThreads() / 1e9);
    }

    /// Runs a few sequences and keeps what the routers choose.
    private long probe(Decoder decoder, Optional<Recipe> read, int most, Map<String, long[]> counts) {
        try (Checkpoint opened = Checkpoint.open(Arguments.required(checkpoint))) {
            return route(
                    opened,
                    decoder,
                    Inputs.corpus(Arguments.required(data), options(read, OptionalInt.of(most)), opened, decoder),
                    counts);
        }
    }

    private long route(Checkpoint opened, Decoder decoder, CalibrationSet set, Map<String, long[]> counts) {
        Sequences sequences = Inputs.sequences(set);
        Progress progress = new Progress(console, "probe", sequences.tokens());
        EngineListener listener = new EngineListener() {
            @Override
            public void layerBegins(int layer, int layers) {
                progress.layerBegins(layer, layers);
            }

            @Override
            public void layerDone(int layer, int layers) {
                progress.layerDone(layer, layers);
            }

            @Override
            public void routed(String router, long[] routed) {
                counts.put(router, routed.clone());
            }
        };
        ExpertBackend backend = new OwnExperts(decoder, opened.quantization()).backend(Optional.empty(), false);
        int threads =
                engine.threadsWithin(MemoryPlan.of(decoder, sequences, opened, MemoryPlan.Purpose.EVALUATION), console);
        Pass pass = new Pass(engine.kernels(), engine.gemm(), Tap.NONE, backend, false, threads, Profile.NONE);
        try (Arena arena = Arena.ofShared()) {
            new Engine(decoder, new Weights(opened), pass, CorpusContext.RowMemory.ANONYMOUS)
                    .run(
                            sequences,
                            LayerStore.inMemory(arena, sequences, decoder.hidden()),
                            listener,
                            Optional.empty());
        }
        return sequences.tokens();
    }
}
