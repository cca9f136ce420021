package io.github.steelyard.evaluation;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.FinishedRun;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// What is to be evaluated.
///
/// @param checkpoint directory of the checkpoint; only read
/// @param data the text, JSONL or plain
/// @param quantization what is fake-quantised on the way
/// @param adapter directory of a LoRA adapter that is applied; it is not quantised, as in servers; empty: none
/// @param logits where the float32 logits of each sequence are written, as `logits.0`, `logits.1`, … of shape
///     `(tokens, vocabulary)`; empty: nowhere
/// @param sequenceLength tokens beyond this are cut off, 1 to [DataOptions#LONGEST_SEQUENCE]
/// @param maxSequences most sequences used, at least 1; empty: all
/// @param compute how it is computed
public record EvaluationRequest(
        Path checkpoint,
        Path data,
        Quantization quantization,
        Optional<Path> adapter,
        Optional<Path> logits,
        int sequenceLength,
        OptionalInt maxSequences,
        Compute compute) {

    /// Tokens beyond this are cut off where nobody says otherwise.
    public static final int DEFAULT_SEQUENCE_LENGTH = 4096;

    /// What is fake-quantised. Weights are used as they are stored unless it says otherwise.
    public sealed interface Quantization {}

    /// Nothing: activations are float32.
    public record Unquantized() implements Quantization {}

    /// Inputs, keys and values, with the scales that the checkpoint carries.
    public record AsStored() implements Quantization {}

    /// Weights, inputs, keys and values, as an export of this run would be.
    ///
    /// @param run a calibration of the checkpoint; where it says that this lies is of no account
    public record AsExported(FinishedRun run) implements Quantization {}

    /// Returns a request for a checkpoint as it is, over all of a text, on the whole machine.
    public static EvaluationRequest of(Path checkpoint, Path data) {
        return new EvaluationRequest(
                checkpoint,
                data,
                new Unquantized(),
                Optional.empty(),
                Optional.empty(),
                DEFAULT_SEQUENCE_LENGTH,
                OptionalInt.empty(),
                Compute.ofMachine());
    }

    /// Returns the same with something fake-quantised.
    public EvaluationRequest with(Quantization other) {
        return new EvaluationRequest(checkpoint, data, other, adapter, logits, sequenceLength, maxSequences, compute);
    }

    /// Returns the same with an adapter.
    public EvaluationRequest withAdapter(Path directory) {
        return new EvaluationRequest(
                checkpoint, data, quantization, Optional.of(directory), logits, sequenceLength, maxSequences, compute);
    }

    /// Returns how the text becomes sequences.
    DataOptions dataOptions() {
        return new DataOptions(
                List.of(DataSource.of(data)),
                maxSequences,
                sequenceLength,
                DataOptions.Packing.NONE,
                OptionalLong.empty(),
                true);
    }
}
