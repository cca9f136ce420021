package io.github.steelyard.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// Writes files so that a reader sees the old content or the whole new one, never a part, also after a power cut: into
/// a temporary file of the same directory, forced to the device, then renamed. A link at the target is replaced, not
/// followed.
public final class AtomicFiles {

    private static final String SUFFIX = ".partial";

    private AtomicFiles() {}

    /// Writes a text as UTF-8.
    ///
    /// @throws StorageException if it cannot be written; the old file is untouched
    public static void write(Path file, String text) {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /// Writes bytes.
    ///
    /// @throws StorageException if they cannot be written; the old file is untouched
    public static void write(Path file, byte[] bytes) {
        write(file, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
    }

    /// Copies a file, links followed.
    ///
    /// @throws CheckpointException if it cannot be read
    /// @throws StorageException if it cannot be written; an old target is untouched
    public static void copy(Path source, Path target) {
        FileProblem.regularFile(source);
        write(target, channel -> {
            try (FileChannel in = open(source)) {
                long position = 0;
                long count = in.transferTo(position, Long.MAX_VALUE, channel);
                while (count > 0) {
                    position += count;
                    count = in.transferTo(position, Long.MAX_VALUE, channel);
                }
            }
        });
    }

    /// Writes what `content` writes to the channel that it gets.
    ///
    /// @throws StorageException if it cannot be written; the old file is untouched and nothing is left behind
    public static void write(Path file, Content content) {
        Path partial = temporary(file);
        try {
            try (FileChannel channel = create(partial)) {
                content.writeTo(channel);
                channel.force(true);
            }
            publish(partial, file);
        } catch (IOException e) {
            throw new StorageException(file, e);
        } finally {
            discard(partial);
        }
    }

    /// What [#write(Path, Content)] puts into a file.
    @FunctionalInterface
    public interface Content {
        /// Writes everything to `channel`, from its start.
        void writeTo(FileChannel channel) throws IOException;
    }

    private static FileChannel open(Path source) {
        try {
            return FileChannel.open(source, StandardOpenOption.READ);
        } catch (IOException e) {
            throw FileProblem.describe(source, e);
        }
    }

    /// Returns the temporary file beside `file`.
    static Path temporary(Path file) {
        return file.resolveSibling(file.getFileName() + SUFFIX);
    }

    /// Opens a new file for writing; one that a broken run left under this name is replaced.
    static FileChannel create(Path partial) throws IOException {
        Files.deleteIfExists(partial);
        return FileChannel.open(partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /// Gives a finished temporary file its name.
    static void publish(Path partial, Path file) throws IOException {
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Path directory = file.toAbsolutePath().getParent();
        if (directory != null) {
            forceDirectory(directory);
        }
    }

    /// Writes all that remains in `bytes`.
    static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /// Deletes a temporary file if it is still there; a failure to do so must not hide the error that led here.
    static void discard(Path partial) {
        try {
            Files.deleteIfExists(partial);
        } catch (IOException e) {
            partial.toFile().deleteOnExit();
        }
    }

    // The rename itself is on the device only when the directory is; file systems that cannot force a directory say so
    // by an error, which costs no data.
    private static void forceDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException unsupported) {
            // Nothing to do: the data are forced, only the new name is not.
        }
    }
}
