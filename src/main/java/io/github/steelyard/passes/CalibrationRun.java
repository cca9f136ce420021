package io.github.steelyard.passes;

import io.github.steelyard.calibration.Calibrator;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.draw.Rounds;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.run.RunState;
import io.github.steelyard.run.StateFile;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsTap;
import io.github.steelyard.work.ShownTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// Measures the statistics of one model over one calibration set, round by round and layer by layer, with all progress
/// on disk.
///
/// @param decoder the model
/// @param sequences the calibration set, or the part of it that is measured here
/// @param firstToken where these begin in the whole set
/// @param copies how many copies of each round go through the model: as it is, and with each adapter
/// @param drawing how much of it is drawn
/// @param shown which tokens experts are shown where the drawing asks for no number of them
/// @param kernels the arithmetic of the tap
/// @param wanted what is observed at sites beside their amax
/// @param forward sends a round through the model
public record CalibrationRun(
        Decoder decoder,
        Sequences sequences,
        long firstToken,
        int copies,
        Drawing drawing,
        ShownTokens shown,
        Kernels kernels,
        Map<Site, Set<Distribution>> wanted,
        Forward forward) {

    /// A run of a plan.
    ///
    /// @throws IllegalArgumentException if the budget of tokens is less than the first sequence has
    public CalibrationRun(
            Decoder decoder,
            Sequences sequences,
            long firstToken,
            int copies,
            Drawing drawing,
            ShownTokens shown,
            Kernels kernels,
            Plan plan,
            Forward forward) {
        this(decoder, sequences, firstToken, copies, drawing, shown, kernels, Calibrator.wanted(plan), forward);
    }

    /// A run over all sequences at once that observes maxima alone.
    public CalibrationRun(Decoder decoder, Sequences sequences, ShownTokens shown, Kernels kernels, Forward forward) {
        this(decoder, sequences, 0, 1, Drawing.AT_ONCE, shown, kernels, Map.of(), forward);
    }

    /// @throws IllegalArgumentException if the budget of tokens is less than the first sequence has
    public CalibrationRun {
        Rounds.most(drawing, sequences);
    }

    /// Runs, or goes on with what an earlier process left behind.
    ///
    /// @param run where its state is kept until the statistics have been handed to `finish`
    /// @param fresh whether to forget an unfinished or finished run
    /// @param finish takes the statistics to where they are kept
    /// @throws io.github.steelyard.statistics.StatisticsException if the state belongs to a run with another key
    public void execute(RunDirectory run, RunKey key, boolean fresh, StatisticsConsumer finish) {
        if (fresh) {
            RunDirectory.discard(run.solvingDirectory());
        } else if (run.isMeasured()) {
            SolvingRun.requireContinues(run, key, decoder.layers().size()); // one that would solve is another run
        }
        try (RunState store = state(run.stateDirectory(), key, fresh)) {
            if (fresh) {
                run.forgetResults();
            }
            Rounds rounds = restore(store, run);
            Optional<Draws.Stop> stop =
                    rounds.stop().filter(reason -> store.underWay().isEmpty());
            while (stop.isEmpty()) {
                int end = store.underWay().orElseGet(rounds::next);
                Statistics measured = measure(store, rounds, end);
                rounds.add(end, measured);
                stop = rounds.stop();
                if (stop.isEmpty()) {
                    store.end(measured);
                }
            }
            finish.accept(rounds.statistics(), rounds.draws(stop.get()));
            store.delete();
        }
    }

    /// Does the same work from the start, all in one round, and keeps nothing of it.
    ///
    /// @param state directory for the state; deleted afterwards
    public void rehearse(Path state) {
        try (RunState store = state(state, new RunKey(new TreeMap<>()), true)) {
            store.begin(sequences.count(), sequences.tokens());
            Round round = new Round(sequences, Variants.ONE, shown);
            forward.run(round, new StatisticsTap(kernels, store::keep, wanted), store, store::scratch);
            store.delete();
        }
    }

    /// What goes through the model at a time.
    ///
    /// @param sequences all copies of some of the calibration set
    /// @param variants which sequence is of which copy
    /// @param shown which tokens experts are shown besides their own
    public record Round(Sequences sequences, Variants variants, ShownTokens shown) {

        /// Returns the copies of a part of the calibration set.
        public static Round of(Sequences part, int copies, ShownTokens shown) {
            return new Round(part.copies(copies), new Variants(copies, part.count(), part.tokens()), shown);
        }
    }

    /// Sends sequences through the model.
    @FunctionalInterface
    public interface Forward {

        /// Runs the layers that `store` does not have yet.
        ///
        /// @param tap sees every site; must be shown the w2 input of experts
        /// @param memory where rows as large as the corpus are taken from
        void run(Round round, Tap tap, LayerStore store, CorpusContext.RowMemory memory);
    }

    /// Takes the statistics of a finished run.
    @FunctionalInterface
    public interface StatisticsConsumer {

        /// Keeps `statistics`; when this returns, they are safe.
        ///
        /// @param draws what was drawn, where that was done in rounds
        void accept(Statistics statistics, Optional<Draws> draws);
    }

    private Rounds restore(RunState store, RunDirectory run) {
        Rounds rounds = new Rounds(drawing, sequences, decoder.modules(), store.watch());
        for (int round = 0; round < store.rounds(); round++) {
            requireDrawable(store.end(round), run);
            rounds.add(store.end(round), store.statistics(round));
        }
        store.underWay().ifPresent(end -> requireDrawable(end, run));
        return rounds;
    }

    private void requireDrawable(int end, RunDirectory run) {
        if (end > Rounds.most(drawing, sequences)) {
            throw StateFile.damaged(run.stateDirectory(), "more sequences are drawn than there are");
        }
    }

    private Statistics measure(RunState store, Rounds rounds, int end) {
        Sequences part = sequences.range(rounds.drawn(), end);
        Round round = Round.of(part, copies, shown(rounds.lacking()));
        store.begin(end, round.sequences().tokens());
        StatisticsTap tap = new StatisticsTap(
                kernels,
                store::keep,
                wanted,
                round.variants(),
                firstToken + sequences.start(rounds.drawn()),
                rounds.drawn() == 0);
        forward.run(round, tap, store, store::scratch);
        List<Statistics> parts = new ArrayList<>(store.layers());
        parts.add(tap.take()); // of the head
        parts.add(Statistics.unseen(decoder.modules()));
        return Statistics.merged(parts);
    }

    private ShownTokens shown(Map<String, Integer> lacking) {
        return drawing.targetTokens().isEmpty()
                ? shown
                : new ShownTokens.Nearest(expert -> lacking.getOrDefault(expert, 0));
    }

    private RunState state(Path directory, RunKey key, boolean fresh) {
        return new RunState(directory, key, decoder.hidden(), decoder.layers().size(), fresh);
    }
}
