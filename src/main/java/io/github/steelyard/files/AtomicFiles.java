package io.github.steelyard.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

/// Writes files so that a reader sees the old content or the whole new one, never a part, also after a power cut: into
/// a temporary file of the same directory, forced to the device, then renamed. Only a regular file is ever replaced,
/// never a link, a device or a pipe.
public final class AtomicFiles {

    /// What the name of a temporary file ends in; nobody else's does.
    static final String SUFFIX = ".steelyard-partial";

    private AtomicFiles() {}

    /// Refuses a place where no file can be written, before work is done for it.
    ///
    /// @throws OutputException if anything but a regular file is there, or its directory is not
    public static void requireReplaceable(Path file) {
        try {
            requireRegularOrNothing(file);
            requireRegularOrNothing(temporary(file));
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
        Path directory = file.toAbsolutePath().getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new OutputException(file, "its directory does not exist");
        }
    }

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
    /// @throws OutputException if anything but a regular file is in the way
    /// @throws StorageException if it cannot be written; the old file is untouched and nothing is left behind
    public static void write(Path file, Content content) {
        try (Pending pending = begin(file)) {
            content.writeTo(pending.channel);
            pending.publish();
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    /// What [#write(Path, Content)] puts into a file.
    @FunctionalInterface
    public interface Content {
        /// Writes everything to `channel`, from its start.
        void writeTo(FileChannel channel) throws IOException;
    }

    /// Begins a file that is written over a longer time.
    ///
    /// @throws OutputException if anything but a regular file is in the way
    /// @throws StorageException if it cannot be created
    public static Pending begin(Path file) {
        Path partial = temporary(file);
        try {
            requireRegularOrNothing(file);
            requireRegularOrNothing(partial);
            Files.deleteIfExists(partial);
            return new Pending(
                    file, partial, FileChannel.open(partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    /// A file that is not there yet under its name. Closed without [#publish], nothing of it stays.
    public static final class Pending implements AutoCloseable {

        private final Path file;
        private final Path partial;
        private final FileChannel channel;
        private boolean published;

        private Pending(Path file, Path partial, FileChannel channel) {
            this.file = file;
            this.partial = partial;
            this.channel = channel;
        }

        /// Returns where the content goes, from its start.
        public FileChannel channel() {
            return channel;
        }

        /// Makes the file appear under its name, whole and forced to the device.
        ///
        /// @throws OutputException if anything but a regular file has come to lie there
        public void publish() throws IOException {
            channel.force(true);
            channel.close();
            requireRegularOrNothing(file);
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            published = true;
            forceDirectory(OutputPaths.directory(file));
        }

        @Override
        public void close() throws IOException {
            if (published) {
                return;
            }
            try (channel) {
                Files.deleteIfExists(partial);
            }
        }
    }

    /// Forces the names in a directory to the device. File systems that cannot do that say so by an error, which costs
    /// no data: they are forced, only the new name is not.
    public static void forceDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException unsupported) {
            // See above.
        }
    }

    /// Writes all that remains in `bytes`.
    public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /// Returns the temporary file beside `file`.
    static Path temporary(Path file) {
        return file.resolveSibling(file.getFileName() + SUFFIX);
    }

    private static void requireRegularOrNothing(Path file) throws IOException {
        BasicFileAttributes there = OutputPaths.attributes(file);
        if (there != null && !there.isRegularFile()) {
            String kind = there.isSymbolicLink() ? "a link" : there.isDirectory() ? "a directory" : "a special file";
            throw new OutputException(file, "is %s; only a regular file is replaced".formatted(kind));
        }
    }

    private static FileChannel open(Path source) {
        try {
            return FileChannel.open(source, StandardOpenOption.READ);
        } catch (IOException e) {
            throw FileProblem.describe(source, e);
        }
    }
}
