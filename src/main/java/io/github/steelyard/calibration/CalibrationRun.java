package io.github.steelyard.calibration;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Measures the statistics of one model over one calibration set, layer by layer, with all progress on disk.
///
/// @param decoder the model
/// @param weights its weights
/// @param sequences the calibration set
/// @param kernels the arithmetic
/// @param gemm the matrix product
/// @param backend how experts are computed; must show the w2 input
/// @param allTokens whether each expert also sees every token
/// @param threads worker threads
/// @param profile where time is recorded
public record CalibrationRun(
        Decoder decoder,
        Weights weights,
        Sequences sequences,
        Kernels kernels,
        Gemm gemm,
        ExpertBackend backend,
        boolean allTokens,
        int threads,
        Profile profile) {

    /// Runs, or goes on with what an earlier process left behind.
    ///
    /// @param run where its state is kept until the statistics have been handed to `finish`
    /// @param fresh whether to forget an unfinished or finished run
    /// @param finish takes the statistics to where they are kept
    /// @throws StatisticsException if the state belongs to a run with another key
    public void execute(
            RunDirectory run, RunKey key, boolean fresh, EngineListener listener, StatisticsConsumer finish) {
        try (RunState store = new RunState(
                run.stateDirectory(),
                key,
                sequences.tokens(),
                decoder.hidden(),
                decoder.layers().size(),
                fresh)) {
            if (fresh) {
                run.forgetResults();
            }
            StatisticsTap tap = new StatisticsTap(kernels, store::keep);
            Pass pass = new Pass(kernels, gemm, tap, backend, allTokens, threads, profile);
            new Engine(decoder, weights, pass, store::scratch).run(sequences, store, listener, Optional.empty());
            List<Statistics> parts = new ArrayList<>(store.statistics());
            parts.add(tap.take()); // of the head
            parts.add(Statistics.unseen(decoder.modules()));
            finish.accept(Statistics.merged(parts));
            store.delete();
        }
    }

    /// Takes the statistics of a finished run.
    @FunctionalInterface
    public interface StatisticsConsumer {

        /// Keeps `statistics`; when this returns, they are safe.
        void accept(Statistics statistics);
    }
}
