package io.github.steelyard.calibration;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.PhaseTotals;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Tap;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;

/// Measures whole passes over random tokens, under the conditions of a calibration: state on disk, every site watched.
///
/// @param checkpoint the checkpoint
/// @param decoder its model
/// @param kernels the arithmetic
/// @param gemm the matrix product
/// @param threads worker threads
/// @param allTokens whether each expert also sees every token
/// @param head whether the head is computed for every position, as comparable tools do
public record Benchmark(
        Checkpoint checkpoint,
        Decoder decoder,
        Kernels kernels,
        Gemm gemm,
        int threads,
        boolean allTokens,
        boolean head) {

    private static final HeadConsumer IGNORE = (sequence, logits, tokens, from, count) -> {};

    /// One timed pass.
    ///
    /// @param seconds wall-clock time
    /// @param totals what its phases took, over all workers
    public record Measured(double seconds, PhaseTotals totals) {}

    /// Returns `count` sequences of random tokens.
    public Sequences sequences(int count, int length, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<int[]> ids = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ids.add(random.ints(length, 0, decoder.vocabulary()).toArray());
        }
        return new Sequences(ids);
    }

    /// Runs one pass.
    ///
    /// @param taps whether statistics are taken
    /// @param state directory for the state; deleted afterwards
    public Measured pass(Sequences sequences, boolean taps, Path state, EngineListener listener, Profile trace) {
        PhaseTotals totals = new PhaseTotals();
        long start = totals.now();
        try (RunState store = new RunState(
                state,
                new RunKey(new TreeMap<>()),
                sequences.tokens(),
                decoder.hidden(),
                decoder.layers().size(),
                true)) {
            Tap tap = taps ? new StatisticsTap(kernels, store::keep) : Tap.NONE;
            Pass pass = new Pass(kernels, gemm, tap, ExpertBackend.DECOMPOSED, allTokens, threads, both(totals, trace));
            new Engine(decoder, new Weights(checkpoint), pass, store::scratch)
                    .run(sequences, store, listener, head ? Optional.of(IGNORE) : Optional.empty());
            double seconds = (totals.now() - start) * 1e-9;
            store.delete();
            return new Measured(seconds, totals);
        }
    }

    private static Profile both(Profile totals, Profile trace) {
        return (phase, lane, start, flops, bytes) -> {
            totals.add(phase, lane, start, flops, bytes);
            trace.add(phase, lane, start, flops, bytes);
        };
    }
}
