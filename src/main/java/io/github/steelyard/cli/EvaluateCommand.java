package io.github.steelyard.cli;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.Perplexity;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.CorpusException;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.CheckpointScales;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Site;
import io.github.steelyard.quant.FakeQuantizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard evaluate`: perplexity and logits, of a checkpoint as it is or fake-quantised.
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = {
            "Mean negative log-likelihood per predicted token of a text.",
            "Weights are used as they are stored, activations in float32, unless --fake-quant or --run says otherwise."
        })
final class EvaluateCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "JSONL or plain text.")
    @Nullable
    Path data;

    @Option(names = "--logits", paramLabel = "FILE", description = "Write the float32 logits of each sequence here.")
    @Nullable
    Path logits;

    @Option(
            names = "--fake-quant",
            description = "Quantise inputs, keys and values with the scales that the checkpoint carries.")
    boolean fakeQuant;

    @Option(
            names = "--run",
            paramLabel = "RUN",
            description = "Quantise weights, inputs, keys and values as an export of this calibration run would be.")
    @Nullable
    Path run;

    @Mixin
    RunOptions runOptions = new RunOptions();

    @Option(
            names = "--sequence-length",
            paramLabel = "N",
            converter = Arguments.SequenceLength.class,
            description = "Tokens beyond this are cut off (default: ${DEFAULT-VALUE}).")
    int sequenceLength = 4096;

    @Option(
            names = "--max-sequences",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Use only the first N sequences.")
    @Nullable
    Integer maxSequences;

    @Mixin
    EngineOptions engine = new EngineOptions();

    EvaluateCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(
            double nll,
            double perplexity,
            long sequences,
            long tokens,
            long predictions,
            long truncatedTokens,
            List<Double> nllPerSequence,
            int fakeQuantisedSites,
            String kernels,
            String gemm) {}

    @Override
    Outcome run() {
        if (fakeQuant && run != null) {
            throw new UsageException("--fake-quant and --run exclude each other");
        }
        if (run == null && runOptions.used()) {
            throw new UsageException("--recipe, --sharing and --checkpoint have no effect without --run");
        }
        if (logits != null) {
            List<Path> inputs = new ArrayList<>(List.of(Arguments.required(checkpoint), Arguments.required(data)));
            Optional.ofNullable(run).ifPresent(inputs::add);
            OutputPaths.requireApart(logits, inputs);
            AtomicFiles.requireReplaceable(logits);
        }
        try (Checkpoint source = Checkpoint.open(Arguments.required(checkpoint));
                Arena arena = Arena.ofShared()) {
            Decoder decoder = Inputs.model(source, console);
            CalibrationSet set = Inputs.corpus(Arguments.required(data), dataOptions(), source, decoder);
            Sequences sequences = Inputs.sequences(set);
            Map<Site, FakeQuantizer> quantizers = quantizers(source, decoder);
            Optional<LogitsFile> kept =
                    Optional.ofNullable(logits).map(file -> new LogitsFile(arena, sequences, decoder.vocabulary()));
            Evaluation evaluation = new Evaluation(console, engine);
            Perplexity perplexity = evaluation.run(source, decoder, sequences, quantizers, kept);
            kept.ifPresent(file -> file.write(Arguments.required(logits)));
            requireNumbers(perplexity, sequences, evaluation);
            Result result = result(set, perplexity, quantizers.size());
            return Outcome.ok(
                    result,
                    List.of(String.format(
                            Locale.ROOT,
                            "perplexity %.4f, negative log-likelihood %.6f over %d predictions in %d sequences",
                            result.perplexity,
                            result.nll,
                            result.predictions,
                            result.sequences)));
        }
    }

    /// A perplexity that is no number is a failure, not a result.
    private void requireNumbers(Perplexity perplexity, Sequences sequences, Evaluation evaluation) {
        if (perplexity.predictions() == 0) {
            throw new CorpusException(
                    Arguments.required(data), "no document has two tokens, so that there is nothing to predict");
        }
        if (Double.isFinite(perplexity.mean()) && Double.isFinite(Math.exp(perplexity.mean()))) {
            return;
        }
        long bad = 0;
        for (int i = 0; i < sequences.count(); i++) {
            bad += Double.isFinite(perplexity.negativeLogLikelihood(i)) ? 0 : 1;
        }
        throw new GateException(
                "the perplexity is not a number",
                List.of(String.format(
                        Locale.ROOT,
                        "NaN or infinite in %d of %d sequences, %s",
                        bad,
                        sequences.count(),
                        evaluation.firstNotFinite())));
    }

    private Map<Site, FakeQuantizer> quantizers(Checkpoint source, Decoder decoder) {
        if (run != null) {
            runOptions.checkpoint = source.directory();
            try (OpenedRun opened = OpenedRun.open(run, runOptions, console)) {
                opened.requireSameCheckpoint(engine.threads);
                return opened.quantizers();
            }
        }
        if (!fakeQuant) {
            return Map.of();
        }
        CheckpointScales.Carried own = CheckpointScales.read(source, decoder.modules());
        own.findings().forEach(console::finding);
        if (own.quantizers().isEmpty()) {
            throw new UsageException("--fake-quant: %s declares no quantised inputs and no quantised cache"
                    .formatted(source.directory()));
        }
        return own.quantizers();
    }

    private DataOptions dataOptions() {
        return new DataOptions(
                Optional.empty(),
                maxSequences == null ? OptionalInt.empty() : OptionalInt.of(maxSequences),
                sequenceLength,
                DataOptions.Packing.NONE,
                OptionalLong.empty(),
                true);
    }

    private Result result(CalibrationSet set, Perplexity perplexity, int sites) {
        double nll = perplexity.mean();
        List<Double> each = new ArrayList<>();
        for (int i = 0; i < set.count(); i++) {
            each.add(perplexity.negativeLogLikelihood(i) / Math.max(1, set.length(i) - 1));
        }
        return new Result(
                nll,
                Math.exp(nll),
                set.count(),
                set.tokens(),
                perplexity.predictions(),
                set.counts().truncatedTokens(),
                each,
                sites,
                engine.kernels().name(),
                engine.gemm().name());
    }
}
