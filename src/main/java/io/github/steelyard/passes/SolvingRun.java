package io.github.steelyard.passes;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.run.RunState;
import io.github.steelyard.run.SolvedFile;
import io.github.steelyard.run.StateFile;
import io.github.steelyard.site.Tap;
import io.github.steelyard.solve.Desks;
import io.github.steelyard.solve.MomentsTap;
import io.github.steelyard.solve.SequenceShares;
import io.github.steelyard.solve.Solver;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/// The second pass of a run whose algorithm looks at weights and inputs together: layer by layer, what inputs look like
/// is summed, and each module solved by it, with all progress on disk.
///
/// An expert is solved by the worker that has shown it its last token, and its sums are dropped; whatever the model,
/// there are as many in memory as experts under way. All others are solved when their layer ends.
///
/// @param decoder the model
/// @param weights its weights
/// @param sequences all copies of what was measured of the calibration set
/// @param drawn how many sequences of the set that was
/// @param statistics what the first pass measured
/// @param scales digest of the scales that a recipe makes of these: what was begun under some is gone on with under
/// them
/// @param solver what is solved
/// @param quantizing what is done with inputs and caches on their way
/// @param again what is done with inputs, caches and weights that are not solved where each layer is run once more with
///     what was solved in it, so that later layers see what a quantised model gives them; empty to run each once
/// @param threads modules that are solved at a time
/// @param forward sends the calibration set through the model
public record SolvingRun(
        Decoder decoder,
        Weights weights,
        Sequences sequences,
        int drawn,
        Statistics statistics,
        String scales,
        Solver solver,
        Tap quantizing,
        Optional<Tap> again,
        Kernels kernels,
        Gemm gemm,
        int threads,
        Forward forward) {

    /// Sends the calibration set through the model.
    @FunctionalInterface
    public interface Forward {

        /// Runs the layers that `store` does not have yet.
        ///
        /// @param weights the model's weights, and those solved of the layer that is run once more
        /// @param tap sees every site; must be shown the w2 input of experts
        /// @param memory where rows as large as the corpus are taken from
        void run(Weights weights, Tap tap, LayerStore store, CorpusContext.RowMemory memory);
    }

    /// Keeps the statistics of a run that goes on to solve.
    ///
    /// @param key of the run
    /// @param drawn how many sequences were measured
    /// @param draws what was drawn, where that was done in rounds
    public static void begin(RunDirectory run, RunKey key, Statistics statistics, int drawn, Optional<Draws> draws) {
        RunState.begin(run.solvingDirectory(), with(key, StateFile.STATISTICS, run.write(statistics)), drawn, draws);
    }

    /// What the first pass left.
    ///
    /// @param statistics what it measured
    /// @param drawn on how many sequences
    /// @param draws what was drawn, where that was done in rounds
    public record Measured(Statistics statistics, int drawn, Optional<Draws> draws) {}

    /// Returns the statistics of a run that has them and goes on to solve.
    ///
    /// @param sequences how many sequences there are
    /// @throws io.github.steelyard.statistics.StatisticsException if they are damaged, or of another run
    public static Measured measured(RunDirectory run, RunKey key, int layers, int sequences) {
        StateFile state = requireContinues(run, key, layers);
        if (state.drawn() > sequences) {
            throw StateFile.damaged(stateFile(run), "more sequences are drawn than there are");
        }
        RunDirectory.discard(run.stateDirectory());
        return new Measured(run.unfinishedStatistics(), state.drawn(), state.draws());
    }

    /// Makes sure that a run which goes on to solve was begun under a key, and returns its state. Scales are looked at
    /// when there are some.
    static StateFile requireContinues(RunDirectory run, RunKey key, int layers) {
        StateFile state = StateFile.read(stateFile(run), layers);
        RunKey measured = with(key, StateFile.STATISTICS, run.statisticsDigest());
        Optional.ofNullable(state.key().parts().get(StateFile.SCALES))
                .map(scales -> with(measured, StateFile.SCALES, scales))
                .orElse(measured)
                .requireContinues(state.key(), stateFile(run));
        return state;
    }

    private static Path stateFile(RunDirectory run) {
        return run.solvingDirectory().resolve(RunState.STATE);
    }

    private static RunKey with(RunKey key, String part, String digest) {
        TreeMap<String, String> parts = new TreeMap<>(key.parts());
        parts.put(part, digest);
        return new RunKey(parts);
    }

    /// Opens the state of the pass. Before the first layer is done, scales may still become others.
    private RunState open(RunDirectory run, RunKey key) {
        Path directory = run.solvingDirectory();
        int layers = decoder.layers().size();
        RunKey solving = with(with(key, StateFile.STATISTICS, run.statisticsDigest()), StateFile.SCALES, scales);
        StateFile begun = StateFile.read(stateFile(run), layers);
        if (!begun.hasFinishedLayers()) {
            RunState.begin(directory, solving, drawn, begun.draws());
        }
        return new RunState(
                directory,
                solving,
                decoder.hidden(),
                layers,
                false,
                Optional.of(layer -> run.solvedDirectory().resolve(SolvedFile.name(layer))));
    }

    /// Takes the digests of the files of what was solved, by their names.
    @FunctionalInterface
    public interface SolvedConsumer {

        /// Finishes the run; when this returns, it is safe.
        ///
        /// @param leftOut how many rows of inputs were left out of sums, being no numbers or far above what was
        /// measured
        void accept(SortedMap<String, String> solved, long leftOut);
    }

    /// Solves, or goes on with what an earlier process left behind.
    ///
    /// @param finish takes note of what was solved
    public void execute(RunDirectory run, RunKey key, SolvedConsumer finish) {
        try (RunState store = open(run, key);
                Desks desks = new Desks(kernels, gemm);
                Solving solving =
                        new Solving(decoder, weights, solver, statistics, run.solvedDirectory(), threads, desks)) {
            create(run.solvedDirectory());
            store.begin(drawn, sequences.tokens());
            MomentsTap tap = new MomentsTap(quantizing, again, solving::wanted, solving.keptIn(store), desks, shares());
            forward.run(again.isPresent() ? solving.solvedWeights() : weights, tap, store, store::scratch);
            TreeMap<String, String> solved = new TreeMap<>();
            solving.head(tap.take()).ifPresent(file -> solved.put(SolvedFile.name(-1), Digests.ofFile(file)));
            for (int layer = 0; layer < store.digests().size(); layer++) {
                if (!store.digests().get(layer).isEmpty()) {
                    solved.put(SolvedFile.name(layer), store.digests().get(layer));
                }
            }
            finish.accept(solved, store.leftOut() + solving.leftOut());
            store.delete();
        }
    }

    private SequenceShares shares() {
        return new SequenceShares(LongStream.concat(
                        IntStream.range(0, sequences.count()).mapToLong(sequences::start),
                        LongStream.of(sequences.tokens()))
                .toArray());
    }

    private static void create(Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }
}
