package io.github.steelyard.run;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.draw.Stopwatch;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.WorkDirectory;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.statistics.StatisticsFile;
import io.github.steelyard.work.Workers;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The state of an unfinished run, under `state/` of the run directory: the statistics of each finished round of
/// sequences; of the round under way the residual stream after the last finished layer and the statistics of each layer
/// up to there; and `state.json`, which holds the digests of all these and its own. Two files of the stream take turns
/// and each layer and round has a file of statistics, so those that `state.json` speaks of are never written to; it is
/// replaced atomically once a layer or a round is done, and before a round begins: how many sequences are drawn is
/// known
/// before they are used. A run killed at any instant therefore continues from the last finished layer, with the same
/// bytes.
///
/// A pass that solves keeps its state in the same way, in a directory of its own; what it solves lies in the run's
/// directory from the first.
public final class RunState implements LayerStore, AutoCloseable {

    /// What is replaced last when a layer is done.
    public static final String STATE = "state.json";

    private static final String STATISTICS = "statistics-#.safetensors";
    private static final String ROUND = "round-#.safetensors";

    private final RunKey key;
    private final WorkDirectory work;
    private final Stopwatch watch;
    private final List<StateFile.Round> rounds = new ArrayList<>(); // the finished ones
    private final Optional<IntFunction<Path>> elsewhere; // where the results of a layer lie, if not in here
    private final List<String> digests = new ArrayList<>(); // of the results of each finished layer
    private final StateStreams streams;
    private long leftOut; // rows of inputs, in these layers
    private Optional<Draws> draws = Optional.empty();
    private int drawn; // sequences up to the end of the round under way
    private Optional<StateFile.Layers> begun = Optional.empty(); // by an earlier process

    /// Opens the state of a run, or begins one.
    ///
    /// @param layers how many layers the model has
    /// @param fresh whether to forget what is there
    /// @throws StatisticsException if the state is of a run with another key, or is damaged
    /// @throws OutputException if the directory is not ours, or in use by another
    /// process
    public RunState(Path directory, RunKey key, int hidden, int layers, boolean fresh) {
        this(directory, key, hidden, layers, fresh, Optional.empty());
    }

    /// Opens the state of a run whose results are no statistics, or begins one.
    ///
    /// @param elsewhere where the results of a layer lie
    public RunState(
            Path directory, RunKey key, int hidden, int layers, boolean fresh, Optional<IntFunction<Path>> elsewhere) {
        this.elsewhere = elsewhere;
        this.key = key;
        this.work = claim(directory);
        this.streams = new StateStreams(directory, work, hidden);
        boolean opened = false;
        try {
            boolean exists = !fresh && Files.exists(work.file(STATE));
            Optional<StateFile> state =
                    exists ? Optional.of(StateFile.read(work.file(STATE), layers)) : Optional.empty();
            state.ifPresent(found -> key.requireContinues(found.key(), work.file(STATE)));
            if (state.isEmpty()) {
                work.clear();
            }
            this.watch = new Stopwatch(state.map(StateFile::seconds).orElse(0.0));
            state.ifPresent(found -> {
                rounds.addAll(found.rounds());
                drawn = found.drawn();
                draws = found.draws();
                begun = Optional.of(found.layers()).filter(layersDone -> found.isUnderWay());
            });
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    /// Begins a pass that solves, so that it is known to have been, and leaves it to who opens its state.
    ///
    /// @param drawn how many sequences were measured
    /// @param draws what was drawn, where that was done in rounds
    public static void begin(Path directory, RunKey key, int drawn, Optional<Draws> draws) {
        try (WorkDirectory work = claim(directory)) {
            work.clear();
            new StateFile(key, List.of(), drawn, 0, draws, StateFile.Layers.NONE).write(work.file(STATE));
        }
    }

    /// Returns how long all processes have worked on the run.
    public Stopwatch watch() {
        return watch;
    }

    /// Returns the number of finished rounds.
    public int rounds() {
        return rounds.size();
    }

    /// Returns how many sequences had been drawn at the end of a finished round.
    public int end(int round) {
        return rounds.get(round).sequences();
    }

    /// Returns the statistics of a finished round.
    ///
    /// @throws StatisticsException if its file is not what was written
    public Statistics statistics(int round) {
        return read(roundFile(round), rounds.get(round).statisticsDigest());
    }

    /// Returns at how many sequences the round ends that an earlier process began, if one is under way.
    public Optional<Integer> underWay() {
        return begun.map(layers -> drawn);
    }

    /// Begins a round, or goes on with the one under way.
    ///
    /// @param end how many sequences are drawn with it
    /// @param tokens tokens of the round
    /// @throws StatisticsException if the state of what was begun is damaged
    public void begin(int end, long tokens) {
        digests.clear();
        leftOut = 0;
        streams.open(tokens);
        drawn = end;
        begun.ifPresentOrElse(this::restore, () -> write(StateFile.Layers.NONE));
        begun = Optional.empty();
    }

    /// Ends a round after which another one follows.
    public void end(Statistics statistics) {
        Path file = roundFile(rounds.size());
        StatisticsFile.write(statistics, file);
        rounds.add(new StateFile.Round(drawn, Digests.ofFile(file)));
        write(StateFile.Layers.NONE);
    }

    private void write(StateFile.Layers layers) {
        new StateFile(key, rounds, drawn, watch.seconds(), draws, layers).write(work.file(STATE));
    }

    private Path roundFile(int round) {
        return work.file(ROUND.replace(WorkDirectory.NUMBER, Integer.toString(round)));
    }

    /// Takes the directory of a state. What it is begun from goes first when it is deleted.
    ///
    /// @throws StatisticsException if one of its files is a link, or no file
    /// @throws OutputException if the directory is not ours, or in use by another process
    static WorkDirectory claim(Path directory) {
        List<String> names = Stream.of(List.of(STATE), StateStreams.FILES, List.of(STATISTICS, ROUND))
                .flatMap(List::stream)
                .toList();
        try {
            return WorkDirectory.claim(directory, names);
        } catch (OutputException e) {
            String name = String.valueOf(e.path().getFileName());
            throw WorkDirectory.isNamed(names, name)
                    ? new StatisticsException(e.path(), "damaged: " + e.problem(), e)
                    : e;
        }
    }

    /// Returns the statistics of each finished layer of the round under way.
    ///
    /// @throws StatisticsException if a file of them is not what was written
    public List<Statistics> layers() {
        return IntStream.range(0, digests.size())
                .mapToObj(layer -> read(resultFile(layer), digests.get(layer)))
                .toList();
    }

    /// Returns the digest of the results of each finished layer, an empty one where it has none.
    public List<String> digests() {
        return List.copyOf(digests);
    }

    /// Returns how many rows of inputs the finished layers left out, whichever process solved them.
    public long leftOut() {
        return leftOut;
    }

    private static Statistics read(Path file, String digest) {
        requireSame(file, "SHA-256", digest, StatisticsFile.digest(file));
        return StatisticsFile.read(file);
    }

    private void requireSameResults() {
        for (int layer = 0; layer < digests.size(); layer++) {
            if (!digests.get(layer).isEmpty()) {
                Path file = resultFile(layer);
                requireSame(file, "SHA-256", digests.get(layer), StatisticsFile.digest(file));
            }
        }
    }

    private Path resultFile(int layer) {
        return elsewhere.isPresent()
                ? elsewhere.get().apply(layer)
                : work.file(STATISTICS.replace(WorkDirectory.NUMBER, Integer.toString(layer)));
    }

    /// Keeps the statistics of a layer that is about to be finished.
    public void keep(Statistics statistics, int layer) {
        StatisticsFile.write(statistics, resultFile(layer));
        keepResults(layer, 0);
    }

    /// Keeps the results of a layer that is about to be finished, which have been written.
    ///
    /// @param rowsLeftOut how many rows of inputs it left out
    public void keepResults(int layer, long rowsLeftOut) {
        digests.add(Digests.ofFile(resultFile(layer)));
        leftOut += rowsLeftOut;
    }

    @Override
    public int firstLayer() {
        return digests.size();
    }

    @Override
    public HiddenStates input(int layer) {
        return streams.of(layer);
    }

    @Override
    public HiddenStates output(int layer) {
        return streams.of(layer + 1);
    }

    @Override
    public void finished(int layer, Workers workers) {
        if (digests.size() <= layer) {
            if (elsewhere.isPresent()) {
                digests.add(""); // nothing to be solved
            } else {
                keep(new Statistics(new TreeMap<>()), layer); // nobody measured
            }
        }
        int checksum = StreamChecksum.of(output(layer).segment(), workers);
        write(new StateFile.Layers(digests, StateFile.digits(checksum), leftOut));
    }

    /// Returns rows as large as the corpus, for scratch; each purpose has a file of its own.
    public HiddenStates scratch(Arena rowArena, String purpose, long rows, int width) {
        return streams.scratch(rowArena, purpose, rows, width);
    }

    /// Deletes everything, once the run is complete.
    public void delete() {
        streams.close();
        work.remove();
    }

    @Override
    public void close() {
        streams.close();
        work.close();
    }

    private void restore(StateFile.Layers layers) {
        if (layers.equals(StateFile.Layers.NONE)) {
            return;
        }
        requireSame(
                streams.file(layers.done()),
                "CRC-32C",
                layers.streamChecksum(),
                StateFile.digits(StreamChecksum.of(streams.of(layers.done()).segment())));
        digests.addAll(layers.digests());
        leftOut = layers.leftOut();
        requireSameResults(); // before hours of work, not after
    }

    private static void requireSame(Path file, String kind, String wanted, String found) {
        if (!wanted.equals(found)) {
            throw StateFile.damaged(file, "wanted %s %s, found %s".formatted(kind, wanted, found));
        }
    }
}
