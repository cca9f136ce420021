package io.github.steelyard.natives;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Files of one native library on disk, each the very file that this version was built with, in a directory that nobody
/// else can write to.
///
/// They are kept from one start to the next in `XDG_CACHE_HOME/steelyard` (`~/.cache/steelyard`) and read and compared
/// each time. Where no private directory can be had there, a new temporary one is used, and [#close] empties it.
public final class NativeLibrary implements AutoCloseable {

    private final Path directory;
    private final List<NativeFile> files;
    private final boolean kept;

    private NativeLibrary(Path directory, List<NativeFile> files, boolean kept) {
        this.directory = directory;
        this.files = List.copyOf(files);
        this.kept = kept;
    }

    /// Puts the files of a library on disk, in this user's directory.
    ///
    /// @param name of the library and its version, a directory's name
    /// @throws NativeException if they cannot be had
    public static NativeLibrary unpack(String name, List<NativeFile> files) {
        return unpack(cacheDirectory(), Path.of(System.getProperty("java.io.tmpdir", "/tmp")), name, files);
    }

    /// As above, in given places.
    ///
    /// @param cache is made if it is not there
    /// @param temporary is there
    static NativeLibrary unpack(Path cache, Path temporary, String name, List<NativeFile> files) {
        String problem;
        try {
            return filled(PrivateDirectory.at(cache.resolve(name)), files, true);
        } catch (IOException e) {
            problem = reason(cache.resolve(name), e);
        }
        try {
            return filled(PrivateDirectory.temporary(temporary), files, false);
        } catch (IOException e) {
            throw new NativeException(
                    "no private directory for native libraries: %s; %s".formatted(problem, reason(temporary, e)));
        }
    }

    /// Returns where a file of the library lies.
    public Path file(String name) {
        return directory.resolve(name);
    }

    /// Removes what does not stay: to be called when the library is loaded. What is loaded remains usable.
    @Override
    public void close() {
        if (!kept) {
            delete(directory, files);
        }
    }

    private static NativeLibrary filled(Path directory, List<NativeFile> files, boolean kept) throws IOException {
        boolean filled = false;
        try {
            for (NativeFile file : files) {
                file.putInto(directory);
            }
            filled = true;
            return new NativeLibrary(directory, files, kept);
        } finally {
            if (!filled && !kept) {
                delete(directory, files);
            }
        }
    }

    private static void delete(Path directory, List<NativeFile> files) {
        List<Path> paths = new ArrayList<>();
        files.forEach(file -> paths.add(directory.resolve(file.name())));
        paths.add(directory);
        for (Path path : paths) {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                path.toFile().deleteOnExit();
            }
        }
    }

    private static Path cacheDirectory() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path base = configured != null && configured.startsWith("/")
                ? Path.of(configured)
                : Path.of(System.getProperty("user.home", "/nonexistent")).resolve(".cache");
        return base.resolve("steelyard");
    }

    // The exceptions of the file system have the file's name for a message, and say more by their class than by text.
    private static String reason(Path path, IOException e) {
        String reason = e instanceof FileSystemException f && f.getReason() == null
                ? e.getClass().getSimpleName().replace("Exception", "")
                : String.valueOf(e.getMessage());
        return reason.startsWith(path.toString()) ? reason : path + ": " + reason;
    }
}
