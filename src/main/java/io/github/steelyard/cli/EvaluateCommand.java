package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.evaluation.ComparisonJob;
import io.github.steelyard.evaluation.ComparisonRequest;
import io.github.steelyard.evaluation.ComparisonResult;
import io.github.steelyard.evaluation.EvaluationJob;
import io.github.steelyard.evaluation.EvaluationRequest;
import io.github.steelyard.evaluation.EvaluationResult;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.EngineOptions;
import io.github.steelyard.option.RunOptions;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.report.Json;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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

    private static final String SOURCE = "source";

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

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "Apply a LoRA adapter as PEFT saves it, unmerged and not quantised.")
    @Nullable
    Path adapter;

    @Option(
            names = "--against",
            paramLabel = "CHECKPOINT",
            description = "Compare with this checkpoint as it is stored: divergence, agreement, perplexity ratio;"
                    + " 'source' is CHECKPOINT itself, for --run.")
    @Nullable
    String against;

    @Option(
            names = "--layers",
            description = "With --against: compare the outputs of each layer and each linear layer too.")
    boolean layers;

    @Mixin
    RunOptions runOptions = new RunOptions();

    @Option(
            names = "--sequence-length",
            paramLabel = "N",
            converter = Arguments.SequenceLength.class,
            description = "Tokens beyond this are cut off (default: ${DEFAULT-VALUE}).")
    int sequenceLength = EvaluationRequest.DEFAULT_SEQUENCE_LENGTH;

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

    @Override
    Outcome run() {
        EvaluationRequest request = new EvaluationRequest(
                Arguments.required(checkpoint),
                Arguments.required(data),
                quantization(),
                Optional.ofNullable(adapter),
                Optional.ofNullable(logits),
                sequenceLength,
                Arguments.optional(maxSequences),
                engine.compute());
        if (against != null) {
            return compare(request, against);
        }
        if (layers) {
            throw new UsageException("--layers has no effect without --against");
        }
        EvaluationResult result = EvaluationJob.run(request, listener());
        return Outcome.ok(result, List.of(ComparisonText.line(result)));
    }

    private Outcome compare(EvaluationRequest request, String reference) {
        if (logits != null) {
            throw new UsageException("--logits and --against exclude each other");
        }
        if (reference.equals(SOURCE) && run == null) {
            throw new UsageException("--against source: only a run knows its source; name the directory");
        }
        Path other = reference.equals(SOURCE) ? request.checkpoint() : Path.of(reference);
        ComparisonResult result = ComparisonJob.run(new ComparisonRequest(request, other, layers), listener());
        return Outcome.ok(
                Json.joined(result.evaluation(), new Compared(result.against(), result.byLayers())),
                ComparisonText.lines(result));
    }

    /// What JSON has besides an evaluation.
    private record Compared(ComparisonResult.Against against, Optional<ComparisonResult.ByLayers> byLayers) {}

    private EvaluationRequest.Quantization quantization() {
        if (fakeQuant && run != null) {
            throw new UsageException("--fake-quant and --run exclude each other");
        }
        if (run != null) {
            return new EvaluationRequest.AsExported(runOptions.of(run));
        }
        if (runOptions.used()) {
            throw new UsageException(
                    "--recipe, --recipe-path, --set, --sharing and --checkpoint have no effect without --run");
        }
        return fakeQuant ? new EvaluationRequest.AsStored() : new EvaluationRequest.Unquantized();
    }
}
