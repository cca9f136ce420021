package io.github.steelyard.calibration;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.files.WorkDirectory;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.statistics.StatisticsFile;
import io.github.steelyard.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The state of an unfinished run, under `state/` of the run directory: the residual stream after the last finished
/// layer, the statistics of each layer up to there, and `state.json`, which holds the digests of all these and its own.
/// Two files of the stream take turns and each layer has a file of statistics, so those that `state.json` speaks of are
/// never written to; it is replaced atomically once a layer is done. A run killed at any instant therefore continues
/// from the last finished layer, with the same bytes.
///
/// A pass that solves keeps its state in the same way, in a directory of its own; what it solves lies in the run's
/// directory from the first.
final class RunState implements LayerStore, AutoCloseable {

    /// What is replaced last when a layer is done.
    static final String STATE = "state.json";

    private static final List<String> STREAMS = List.of("stream-0.bin", "stream-1.bin");
    private static final String STATISTICS = "statistics-#.safetensors";
    private static final List<String> SCRATCH = List.of("expert-inputs.bin", "latent-sums.bin");

    private final Path directory;
    private final RunKey key;
    private final long tokens;
    private final int hidden;
    private final Arena arena = Arena.ofShared();
    private final WorkDirectory work;
    private final HiddenStates[] streams;
    private final Optional<IntFunction<Path>> elsewhere; // where the results of a layer lie, if not in here
    private final List<String> digests = new ArrayList<>(); // of the results of each finished layer

    /// Opens the state of a run, or begins one.
    ///
    /// @param layers how many layers the model has
    /// @param fresh whether to forget what is there
    /// @throws StatisticsException if the state is of a run with another key, or is damaged
    /// @throws OutputException if the directory is not ours, or in use by another
    /// process
    RunState(Path directory, RunKey key, long tokens, int hidden, int layers, boolean fresh) {
        this(directory, key, tokens, hidden, layers, fresh, Optional.empty());
    }

    /// Opens the state of a run whose results are no statistics, or begins one.
    ///
    /// @param elsewhere where the results of a layer lie
    RunState(
            Path directory,
            RunKey key,
            long tokens,
            int hidden,
            int layers,
            boolean fresh,
            Optional<IntFunction<Path>> elsewhere) {
        this.elsewhere = elsewhere;
        this.directory = directory;
        this.key = key;
        this.tokens = tokens;
        this.hidden = hidden;
        this.work = claim(directory);
        boolean opened = false;
        try {
            boolean begun = !fresh && Files.exists(work.file(STATE));
            Optional<StateFile> state =
                    begun ? Optional.of(StateFile.read(work.file(STATE), layers)) : Optional.empty();
            state.ifPresent(found -> key.requireContinues(found.key(), work.file(STATE)));
            if (state.isEmpty()) {
                work.clear();
            }
            this.streams = new HiddenStates[] {map(0), map(1)};
            state.ifPresent(this::restore);
            opened = true;
        } catch (IOException e) {
            throw new StorageException(directory, e);
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    /// Begins a run, so that it is known to have been, and leaves it to who opens its state.
    static void begin(Path directory, RunKey key) {
        try (WorkDirectory work = claim(directory)) {
            work.clear();
            new StateFile(key, List.of(), "").write(work.file(STATE));
        }
    }

    /// Takes the directory of a state. What it is begun from goes first when it is deleted.
    ///
    /// @throws StatisticsException if one of its files is a link, or no file
    /// @throws OutputException if the directory is not ours, or in use by another process
    static WorkDirectory claim(Path directory) {
        List<String> names = Stream.of(List.of(STATE), STREAMS, List.of(STATISTICS), SCRATCH)
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

    /// Returns the statistics of each finished layer.
    ///
    /// @throws StatisticsException if a file of them is not what was written
    List<Statistics> statistics() {
        requireSameResults();
        return IntStream.range(0, digests.size())
                .mapToObj(layer -> StatisticsFile.read(resultFile(layer)))
                .toList();
    }

    /// Returns the digest of the results of each finished layer, an empty one where it has none.
    List<String> digests() {
        return List.copyOf(digests);
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
    void keep(Statistics statistics, int layer) {
        StatisticsFile.write(statistics, resultFile(layer));
        keepResults(layer);
    }

    /// Keeps the results of a layer that is about to be finished, which have been written.
    void keepResults(int layer) {
        digests.add(Digests.ofFile(resultFile(layer)));
    }

    @Override
    public int firstLayer() {
        return digests.size();
    }

    @Override
    public HiddenStates input(int layer) {
        return streams[layer % 2];
    }

    @Override
    public HiddenStates output(int layer) {
        return streams[(layer + 1) % 2];
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
        new StateFile(key, digests, StateFile.digits(checksum)).write(work.file(STATE));
    }

    /// Returns rows as large as the corpus, for scratch; each purpose has a file of its own.
    HiddenStates scratch(Arena rowArena, String purpose, long rows, int width) {
        try {
            return new HiddenStates(mapFile(purpose + ".bin", HiddenStates.bytes(rows, width), rowArena), rows, width);
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    /// Deletes everything, once the run is complete.
    void delete() {
        closeStreams();
        work.remove();
    }

    @Override
    public void close() {
        closeStreams();
        work.close();
    }

    private void closeStreams() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    private void restore(StateFile state) {
        int turn = state.layersDone() % 2;
        if (!state.streamChecksum().isEmpty()) { // else nothing has run yet
            requireSame(
                    work.file(STREAMS.get(turn)),
                    "CRC-32C",
                    state.streamChecksum(),
                    StateFile.digits(StreamChecksum.of(streams[turn].segment())));
        }
        digests.addAll(state.digests());
        requireSameResults(); // before hours of work, not after
    }

    private static void requireSame(Path file, String kind, String wanted, String found) {
        if (!wanted.equals(found)) {
            throw StateFile.damaged(file, "wanted %s %s, found %s".formatted(kind, wanted, found));
        }
    }

    private HiddenStates map(int turn) throws IOException {
        return new HiddenStates(mapFile(STREAMS.get(turn), HiddenStates.bytes(tokens, hidden), arena), tokens, hidden);
    }

    private MemorySegment mapFile(String name, long size, Arena owner) throws IOException {
        try (FileChannel channel = work.open(name)) {
            reserve(channel, size);
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, size, owner);
        }
    }

    /// Writes zeros up to `size`, so that a full disk is met here and not in the middle of a layer.
    private static void reserve(FileChannel channel, long size) throws IOException {
        if (channel.size() > size) {
            channel.truncate(size);
        }
        ByteBuffer zeros = ByteBuffer.allocate(StateFile.BLOCK);
        for (long at = channel.size(); at < size; ) {
            zeros.clear().limit((int) Math.min(StateFile.BLOCK, size - at));
            at += channel.write(zeros, at);
        }
    }
}
