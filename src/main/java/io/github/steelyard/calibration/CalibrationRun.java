package io.github.steelyard.calibration;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsTap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Measures the statistics of one model over one calibration set, layer by layer, with all progress on disk.
///
/// @param decoder the model
/// @param tokens tokens of all copies of the calibration set
/// @param kernels the arithmetic of the tap
/// @param wanted what is observed at sites beside their amax
/// @param variants the copies of the calibration set that go through the model
/// @param forward sends them through the model
public record CalibrationRun(
        Decoder decoder,
        long tokens,
        Kernels kernels,
        Map<Site, Set<Distribution>> wanted,
        Variants variants,
        Forward forward) {

    /// A run of a plan.
    ///
    /// @param tokens of all copies
    public CalibrationRun(
            Decoder decoder, long tokens, Kernels kernels, Plan plan, Variants variants, Forward forward) {
        this(decoder, tokens, kernels, Calibrator.wanted(plan), variants, forward);
    }

    /// A run that observes maxima alone.
    public CalibrationRun(Decoder decoder, long tokens, Kernels kernels, Forward forward) {
        this(decoder, tokens, kernels, Map.of(), Variants.ONE, forward);
    }

    /// Runs, or goes on with what an earlier process left behind.
    ///
    /// @param run where its state is kept until the statistics have been handed to `finish`
    /// @param fresh whether to forget an unfinished or finished run
    /// @param finish takes the statistics to where they are kept
    /// @throws io.github.steelyard.statistics.StatisticsException if the state belongs to a run with another key
    public void execute(RunDirectory run, RunKey key, boolean fresh, StatisticsConsumer finish) {
        try (RunState store = state(run.stateDirectory(), key, fresh)) {
            if (fresh) {
                run.forgetResults();
            }
            StatisticsTap tap = new StatisticsTap(kernels, store::keep, wanted, variants);
            forward.run(tap, store, store::scratch);
            List<Statistics> parts = new ArrayList<>(store.statistics());
            parts.add(tap.take()); // of the head
            parts.add(Statistics.unseen(decoder.modules()));
            finish.accept(Statistics.merged(parts));
            store.delete();
        }
    }

    /// Does the same work from the start and keeps nothing of it.
    ///
    /// @param state directory for the state; deleted afterwards
    public void rehearse(Path state) {
        try (RunState store = state(state, new RunKey(new TreeMap<>()), true)) {
            forward.run(new StatisticsTap(kernels, store::keep, wanted, variants), store, store::scratch);
            store.delete();
        }
    }

    /// Sends the calibration set through the model.
    @FunctionalInterface
    public interface Forward {

        /// Runs the layers that `store` does not have yet.
        ///
        /// @param tap sees every site; must be shown the w2 input of experts
        /// @param memory where rows as large as the corpus are taken from
        void run(Tap tap, LayerStore store, CorpusContext.RowMemory memory);
    }

    /// Takes the statistics of a finished run.
    @FunctionalInterface
    public interface StatisticsConsumer {

        /// Keeps `statistics`; when this returns, they are safe.
        void accept(Statistics statistics);
    }

    private RunState state(Path directory, RunKey key, boolean fresh) {
        return new RunState(
                directory, key, tokens, decoder.hidden(), decoder.layers().size(), fresh);
    }
}
