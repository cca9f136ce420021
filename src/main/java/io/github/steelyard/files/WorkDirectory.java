package io.github.steelyard.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A directory of work under way, held by one process: `state/` of a run, the directory beside an export. Its file
/// `lock` names this program and is locked by the process at work.
///
/// Only a directory that does not exist, is empty, or has such a file is taken, and only if all it holds are files
/// under names that the work uses: what others put there is neither overwritten nor deleted. Links are never followed.
public final class WorkDirectory implements AutoCloseable {

    /// What stands for a number in a name, so that `part-#.bin` are as many files as the work needs.
    public static final String NUMBER = "#";

    private static final Pattern DIGITS = Pattern.compile("[0-9]+");
    private static final String LOCK = "lock";
    private static final byte[] MARK = "steelyard: work under way\n".getBytes(StandardCharsets.US_ASCII);
    private static final int ATTEMPTS = 3;

    private final Path directory;
    private final List<String> names;
    private final FileChannel lock;

    private WorkDirectory(Path directory, List<String> names, FileChannel lock) {
        this.directory = directory;
        this.names = names;
        this.lock = lock;
    }

    /// Takes a directory, made if it is not there.
    ///
    /// @param names the files of the work in the order in which they are deleted, without `lock`; a name that ends in
    ///     `/` is a directory of files, and [#NUMBER] in a name stands for any whole number
    /// @throws OutputException if it is not ours, or another process is at work in it
    /// @throws StorageException if the device does not take it
    public static WorkDirectory claim(Path directory, List<String> names) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                create(directory);
                FileChannel lock = take(directory, names);
                if (lock != null) {
                    return new WorkDirectory(directory, List.copyOf(names), lock);
                }
            } catch (IOException e) {
                throw new StorageException(directory, e);
            }
        }
        throw atWork(directory);
    }

    /// Returns whether a directory has the mark of this program. Nothing is locked or changed.
    public static boolean isOurs(Path directory) {
        Path lock = directory.resolve(LOCK);
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            return isMarked(channel);
        } catch (IOException e) {
            return false;
        }
    }

    /// Returns the path of one of the files, for a reader or for [AtomicFiles].
    public Path file(String name) {
        if (!isNamed(names, name)) {
            throw new IllegalArgumentException("no file of this work: %s".formatted(name));
        }
        return directory.resolve(name);
    }

    /// Opens one of the files for reading and writing, made if it is not there.
    ///
    /// @throws IOException also if it is a link
    public FileChannel open(String name) throws IOException {
        Path file = file(name);
        requireOwn(file, false);
        return FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
    }

    /// Deletes the files of the work.
    ///
    /// @throws StorageException if one cannot be deleted
    public void clear() {
        try {
            for (String name : names) {
                Path file = directory.resolve(name);
                if (name.endsWith("/")) {
                    clear(file);
                } else if (name.contains(NUMBER)) {
                    clearNumbered(name);
                } else {
                    Files.deleteIfExists(file);
                    Files.deleteIfExists(AtomicFiles.temporary(file));
                }
            }
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    /// Ends the work: deletes its files, the lock last, and the directory, unless others have put something into it.
    ///
    /// @throws StorageException if one cannot be deleted
    public void remove() {
        clear();
        try {
            Files.deleteIfExists(directory.resolve(LOCK));
            close();
            Files.deleteIfExists(directory);
        } catch (DirectoryNotEmptyException e) {
            // Not ours to delete.
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    /// Lets go of the directory; what is in it stays for the next process.
    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }

    private static void create(Path directory) throws IOException {
        if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Path parent = directory.toAbsolutePath().getParent();
        try {
            if (parent != null) {
                Files.createDirectories(parent);
            }
            Files.createDirectory(directory);
        } catch (FileAlreadyExistsException e) {
            requireDirectory(Path.of(e.getFile()));
        }
    }

    /// Refuses what is something else; another process may have removed it meanwhile.
    private static void requireDirectory(Path found) throws IOException {
        try {
            BasicFileAttributes attributes =
                    Files.readAttributes(found, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!attributes.isDirectory()) {
                throw new OutputException(found, "exists and is not a directory, or is a link; give another place");
            }
        } catch (NoSuchFileException e) {
            // Then the claim finds nothing to lock, and is tried again.
        }
    }

    /// Locks a directory that is ours.
    ///
    /// @return null if another process ended its work in it meanwhile, or began
    private static @Nullable FileChannel take(Path directory, List<String> names) throws IOException {
        try {
            requireOwn(directory, names);
            return lock(directory.resolve(LOCK));
        } catch (NoSuchFileException | FileAlreadyExistsException e) {
            return null;
        }
    }

    private static void requireOwn(Path directory, List<String> names) throws IOException {
        List<Path> entries = OutputPaths.entries(directory);
        for (Path entry : entries) {
            String name = OutputPaths.name(entry);
            boolean folder = names.contains(name + "/");
            if (!folder && !isNamed(names, whole(name)) && !name.equals(LOCK)) {
                throw new OutputException(
                        directory,
                        "holds %s, which steelyard did not put there; move it away, or give another place"
                                .formatted(Printable.quoted(name)));
            }
            requireOwn(entry, folder);
        }
        if (!entries.isEmpty() && !entries.contains(directory.resolve(LOCK))) {
            throw new OutputException(
                    directory,
                    "exists and is not empty, and steelyard did not make it (it has no file '%s'); give another place"
                            .formatted(LOCK));
        }
    }

    /// Returns whether one of `names` stands for `file`.
    public static boolean isNamed(List<String> names, String file) {
        return !file.contains(NUMBER) && (names.contains(file) || names.contains(numbered(file)));
    }

    private static String numbered(String file) {
        return DIGITS.matcher(file).replaceAll(NUMBER);
    }

    /// Returns the name that a file has when it is whole.
    private static String whole(String file) {
        return file.endsWith(AtomicFiles.SUFFIX)
                ? file.substring(0, file.length() - AtomicFiles.SUFFIX.length())
                : file;
    }

    /// Refuses links, special files, and files that have another name elsewhere.
    private static void requireOwn(Path entry, boolean folder) throws IOException {
        BasicFileAttributes there = OutputPaths.attributes(entry);
        if (there == null) {
            return;
        }
        boolean fits = folder ? there.isDirectory() : there.isRegularFile() && hasOneName(entry);
        if (!fits) {
            throw new OutputException(
                    entry,
                    "is a link or no %s; steelyard did not put it there"
                            .formatted(folder ? "directory" : "regular file"));
        }
    }

    /// Returns whether a file has no other name; one that is just being deleted has none at all.
    private static boolean hasOneName(Path file) throws IOException {
        return !file.getFileSystem().supportedFileAttributeViews().contains("unix")
                || (int) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS) <= 1;
    }

    /// Locks the file, made if it is not there.
    ///
    /// @return null if the process that held it removed it meanwhile
    private static @Nullable FileChannel lock(Path file) throws IOException {
        Object before = OutputPaths.key(file);
        FileChannel channel = FileChannel.open(
                file,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                before == null ? StandardOpenOption.CREATE_NEW : StandardOpenOption.CREATE,
                LinkOption.NOFOLLOW_LINKS);
        boolean kept = false;
        try {
            Object opened = before == null ? OutputPaths.key(file) : before;
            if (!isLocked(channel)) {
                throw atWork(OutputPaths.directory(file));
            }
            if (!Objects.equals(opened, OutputPaths.key(file))) {
                return null;
            }
            if (!isMarked(channel)) {
                throw new OutputException(file, "was not made by steelyard; give another place");
            }
            channel.position(0);
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(MARK));
            channel.force(true);
            kept = true;
            return channel;
        } finally {
            if (!kept) {
                channel.close();
            }
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false; // held by this very process
        }
    }

    /// Returns whether a lock file is ours: with our mark, or empty or cut short as by a kill just after it was made.
    private static boolean isMarked(FileChannel channel) throws IOException {
        ByteBuffer start = ByteBuffer.allocate(MARK.length + 1);
        int read = Math.max(0, channel.read(start, 0));
        return read <= MARK.length && ByteBuffer.wrap(MARK, 0, read).equals(start.flip());
    }

    private static void clear(Path folder) throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        for (Path file : OutputPaths.entries(folder)) {
            Files.delete(file);
        }
        Files.delete(folder);
    }

    private void clearNumbered(String name) throws IOException {
        for (Path file : OutputPaths.entries(directory)) {
            String whole = whole(OutputPaths.name(file));
            if (numbered(whole).equals(name) && !names.contains(whole)) {
                Files.delete(file);
            }
        }
    }

    private static OutputException atWork(Path directory) {
        return new OutputException(directory, "another process is at work here");
    }
}
