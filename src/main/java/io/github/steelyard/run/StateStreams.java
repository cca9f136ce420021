package io.github.steelyard.run;

import io.github.steelyard.files.StorageException;
import io.github.steelyard.files.WorkDirectory;
import io.github.steelyard.model.HiddenStates;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The mapped files of an unfinished run: the residual stream, in two files that take turns, and rows for scratch.
final class StateStreams implements AutoCloseable {

    /// What they are called.
    static final List<String> FILES = List.of("stream-0.bin", "stream-1.bin", "expert-inputs.bin", "latent-sums.bin");

    private static final int TURNS = 2;

    private final Path directory;
    private final WorkDirectory work;
    private final int hidden;
    private final List<HiddenStates> streams = new ArrayList<>();
    private Arena arena = Arena.ofShared(); // of the round under way

    /// @param hidden values in a row of the stream
    StateStreams(Path directory, WorkDirectory work, int hidden) {
        this.directory = directory;
        this.work = work;
        this.hidden = hidden;
    }

    /// Maps the stream of a round, and leaves what lies there.
    ///
    /// @param tokens tokens of the round
    void open(long tokens) {
        close();
        arena = Arena.ofShared();
        for (int turn = 0; turn < TURNS; turn++) {
            streams.add(map(FILES.get(turn), tokens, hidden, arena));
        }
    }

    /// Returns the stream before a layer.
    HiddenStates of(int layer) {
        return streams.get(layer % TURNS);
    }

    /// Returns its file.
    Path file(int layer) {
        return work.file(FILES.get(layer % TURNS));
    }

    /// Returns rows for scratch; each purpose has a file of its own.
    HiddenStates scratch(Arena owner, String purpose, long rows, int width) {
        return map(purpose + ".bin", rows, width, owner);
    }

    private HiddenStates map(String name, long rows, int width, Arena owner) {
        long size = HiddenStates.bytes(rows, width);
        try (FileChannel channel = work.open(name)) {
            reserve(channel, size);
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, owner);
            return new HiddenStates(mapped, rows, width);
        } catch (IOException e) {
            throw new StorageException(directory, e);
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

    @Override
    public void close() {
        streams.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
