package io.github.steelyard.calibration;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.checkpoint.StorageException;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.zip.CRC32C;

/// The state of an unfinished run, under `state/` of the run directory: the residual stream after the last finished
/// layer, the statistics up to there, and `state.json`, which names both. Two stream files take turns, so the one that
/// `state.json` names is never written to; that file is replaced atomically once a layer is done. A run killed at any
/// instant therefore continues from the last finished layer, with the same bytes.
final class RunState implements LayerStore, AutoCloseable {

    private static final int SCHEMA = 1;
    private static final int BLOCK = 1 << 20; // bytes
    private static final String STATE = "state.json";
    private static final String LOCK = "lock";

    private final Path directory;
    private final RunKey key;
    private final long tokens;
    private final int hidden;
    private final Arena arena = Arena.ofShared();
    private final FileChannel lockFile;
    private final HiddenStates[] streams;
    private Supplier<Statistics> measured = () -> new Statistics(new TreeMap<>());
    private int firstLayer;
    private Statistics restored = new Statistics(new TreeMap<>());

    /// Opens the state of a run, or begins one.
    ///
    /// @param fresh whether to forget what is there
    /// @throws StatisticsException if the state is of a run with another key, is damaged, or is in use by another
    ///     process
    RunState(Path directory, RunKey key, long tokens, int hidden, boolean fresh) {
        this.directory = directory;
        this.key = key;
        this.tokens = tokens;
        this.hidden = hidden;
        this.lockFile = lock();
        boolean opened = false;
        try {
            if (fresh) {
                Files.deleteIfExists(directory.resolve(STATE));
            }
            boolean begun = Files.exists(directory.resolve(STATE));
            if (begun) {
                checkKey();
            }
            this.streams = new HiddenStates[] {map("stream-0.bin"), map("stream-1.bin")};
            if (begun) {
                restore();
            }
            opened = true;
        } catch (IOException e) {
            throw new StorageException(directory, e);
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    /// Returns the statistics of the layers that were finished before.
    Statistics restored() {
        return restored;
    }

    /// Sets where the statistics of the layers finished from now on come from.
    void measuredBy(Supplier<Statistics> source) {
        measured = source;
    }

    @Override
    public int firstLayer() {
        return firstLayer;
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
    public void finished(int layer) {
        int done = layer + 1;
        String statistics = "statistics-%d.safetensors".formatted(done);
        StatisticsFile.write(restored.merge(measured.get()), directory.resolve(statistics));
        ObjectNode state = new JsonMapper().createObjectNode();
        state.put("schema", SCHEMA);
        key.parts().forEach(state.putObject("key")::put);
        state.put("layers_done", done);
        state.put("statistics", statistics);
        state.put("stream_crc32c", checksum(streams[done % 2].segment()));
        AtomicFiles.write(directory.resolve(STATE), state.toPrettyString());
        try {
            Files.deleteIfExists(directory.resolve("statistics-%d.safetensors".formatted(done - 1)));
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    /// Returns rows as large as the corpus, for scratch; each purpose has a file of its own.
    HiddenStates scratch(Arena rowArena, String purpose, long rows, int width) {
        try {
            return new HiddenStates(mapFile(purpose + ".bin", HiddenStates.bytes(rows, width), rowArena), rows, width);
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    /// Deletes everything, once the run is complete; the lock last, so that no other process begins in between.
    void delete() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                if (!file.endsWith(LOCK)) {
                    Files.deleteIfExists(file);
                }
            }
            close();
            Files.deleteIfExists(directory.resolve(LOCK));
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
        try {
            lockFile.close();
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    private FileChannel lock() {
        Path file = directory.resolve(LOCK);
        try {
            Files.createDirectories(directory);
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (isLocked(channel)) {
                return channel;
            }
            channel.close();
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
        throw new StatisticsException(file, "another process is at work on this run");
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false; // held by this very process
        }
    }

    private void checkKey() {
        Path file = directory.resolve(STATE);
        ConfigJson state = read(file);
        SortedMap<String, String> parts = new TreeMap<>();
        state.object("key").ifPresent(object -> object.keys().forEach(name -> parts.put(name, object.string(name))));
        var differences = key.differencesFrom(new RunKey(parts));
        if (!differences.isEmpty()) {
            throw new StatisticsException(
                    file,
                    "belongs to another run (%s); use --fresh to start again, or another --out"
                            .formatted(String.join("; ", differences)));
        }
    }

    private void restore() {
        Path file = directory.resolve(STATE);
        ConfigJson state = read(file);
        int done = state.integer("layers_done", 0, Integer.MAX_VALUE);
        String wanted = state.string("stream_crc32c");
        String found = checksum(streams[done % 2].segment());
        if (!wanted.equals(found)) {
            throw new StatisticsException(
                    directory.resolve("stream-%d.bin".formatted(done % 2)),
                    "damaged: wanted CRC-32C %s, found %s; use --fresh to start again".formatted(wanted, found));
        }
        restored = StatisticsFile.read(directory.resolve(state.string("statistics")));
        firstLayer = done;
    }

    private static ConfigJson read(Path file) {
        try {
            ConfigJson state = ConfigJson.read(file);
            state.integer("schema", SCHEMA, SCHEMA);
            return state;
        } catch (CheckpointException e) {
            throw new StatisticsException(file, e.problem(), e);
        }
    }

    private HiddenStates map(String name) throws IOException {
        return new HiddenStates(mapFile(name, HiddenStates.bytes(tokens, hidden), arena), tokens, hidden);
    }

    private MemorySegment mapFile(String name, long size, Arena owner) throws IOException {
        try (FileChannel channel = FileChannel.open(
                directory.resolve(name),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            reserve(channel, size);
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, size, owner);
        }
    }

    /// Writes zeros up to `size`, so that a full disk is met here and not in the middle of a layer.
    private static void reserve(FileChannel channel, long size) throws IOException {
        if (channel.size() > size) {
            channel.truncate(size);
        }
        ByteBuffer zeros = ByteBuffer.allocate(BLOCK);
        for (long at = channel.size(); at < size; ) {
            zeros.clear().limit((int) Math.min(BLOCK, size - at));
            at += channel.write(zeros, at);
        }
    }

    private static String checksum(MemorySegment bytes) {
        CRC32C checksum = new CRC32C();
        for (long at = 0; at < bytes.byteSize(); at += BLOCK) {
            checksum.update(
                    bytes.asSlice(at, Math.min(BLOCK, bytes.byteSize() - at)).asByteBuffer());
        }
        return "%08x".formatted(checksum.getValue());
    }
}
