package io.github.steelyard.benchmark;

import io.github.steelyard.job.Compute;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What is to be timed.
///
/// @param checkpoint directory of the checkpoint; only read
/// @param sequences sequences of random tokens, at least 1
/// @param sequenceLength tokens in each, at least 1
/// @param allTokens whether each expert also sees every token
/// @param head whether the head is computed for every position, as comparable tools do
/// @param rounds timed passes with and without taps each, at least 1; the fastest counts
/// @param simulatedThreads numbers of workers, 1 to [Compute#MOST_THREADS], with each of which one more pass is run in
///     simulated time, as if every worker had a core of its own
/// @param profile where a Chrome trace of the last pass with taps is written; empty: nowhere
/// @param compute how it is computed
public record BenchmarkRequest(
        Path checkpoint,
        int sequences,
        int sequenceLength,
        boolean allTokens,
        boolean head,
        int rounds,
        List<Integer> simulatedThreads,
        Optional<Path> profile,
        Compute compute) {

    /// Sequences where nobody says otherwise.
    public static final int DEFAULT_SEQUENCES = 16;
    /// Tokens in each where nobody says otherwise.
    public static final int DEFAULT_SEQUENCE_LENGTH = 512;

    /// @throws IllegalArgumentException if a count is below 1
    public BenchmarkRequest {
        simulatedThreads = List.copyOf(simulatedThreads);
        if (sequences < 1 || sequenceLength < 1 || rounds < 1) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "sequences, length and rounds must be at least 1, found %d, %d and %d",
                    sequences,
                    sequenceLength,
                    rounds));
        }
    }

    /// Returns a request for one round over 16 sequences of 512 tokens, head included, on the whole machine.
    public static BenchmarkRequest of(Path checkpoint) {
        return new BenchmarkRequest(
                checkpoint,
                DEFAULT_SEQUENCES,
                DEFAULT_SEQUENCE_LENGTH,
                false,
                true,
                1,
                List.of(),
                Optional.empty(),
                Compute.ofMachine());
    }

    long tokens() {
        return (long) sequences * sequenceLength;
    }
}
