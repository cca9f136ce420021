package io.github.steelyard.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;

/// Finds oneDNN's shared library on the class path, unpacks it once per version and user, and loads it.
///
/// A file appears under its final name only when complete (written elsewhere, then renamed), so several processes may
/// start at once. The directory belongs to the user alone; where that cannot be had, a temporary one is used and its
/// files are deleted as soon as they are loaded.
final class OneDnnLibrary {

    private static final String RESOURCES = "/org/bytedeco/dnnl/linux-x86_64/";
    private static final String PROPERTIES = "/META-INF/maven/org.bytedeco/dnnl/pom.properties";
    private static final String MAIN = "libdnnl.so.3";

    // In loading order: the main library looks for its threading runtime beside itself.
    private static final List<String> FILES = List.of("libgomp.so.1", MAIN);

    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    /// The library cannot be used; the message tells why, in one line.
    static final class UnavailableException extends Exception {

        private static final long serialVersionUID = 1L;

        UnavailableException(String message) {
            super(message);
        }

        UnavailableException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private OneDnnLibrary() {}

    /// Returns the symbols of the library, loaded until the JVM ends.
    static SymbolLookup load() throws UnavailableException {
        String os = System.getProperty("os.name", "");
        String arch = System.getProperty("os.arch", "");
        if (!os.toLowerCase(Locale.ROOT).equals("linux") || !arch.equals("amd64")) {
            throw new UnavailableException("only built for linux amd64, this is %s %s".formatted(os, arch));
        }
        try {
            String version = version();
            Path cache = cacheDirectory();
            return isPrivate(cache) ? fromCache(cache.resolve("onednn-" + version)) : fromTemporary();
        } catch (IOException | IllegalArgumentException e) {
            throw new UnavailableException("cannot be unpacked or loaded: " + e.getMessage(), e);
        } catch (IllegalCallerException e) {
            throw new UnavailableException("native access is denied to this JVM", e);
        }
    }

    private static SymbolLookup fromCache(Path directory) throws IOException, UnavailableException {
        Files.createDirectories(directory, PRIVATE);
        for (String file : FILES) {
            Path target = directory.resolve(file);
            if (!Files.exists(target)) {
                Path part = Files.createTempFile(directory, file, ".part", PRIVATE);
                unpack(file, part);
                Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return SymbolLookup.libraryLookup(directory.resolve(MAIN), Arena.global());
    }

    private static SymbolLookup fromTemporary() throws IOException, UnavailableException {
        Path directory = Files.createTempDirectory("steelyard-onednn", PRIVATE);
        try {
            for (String file : FILES) {
                unpack(file, directory.resolve(file));
            }
            return SymbolLookup.libraryLookup(directory.resolve(MAIN), Arena.global());
        } finally {
            for (String file : FILES) {
                Files.deleteIfExists(directory.resolve(file));
            }
            Files.deleteIfExists(directory);
        }
    }

    private static void unpack(String file, Path target) throws IOException, UnavailableException {
        try (InputStream in = OneDnnLibrary.class.getResourceAsStream(RESOURCES + file)) {
            if (in == null) {
                throw new UnavailableException("not on the class path (%s)".formatted(RESOURCES + file));
            }
            Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static String version() throws IOException, UnavailableException {
        try (InputStream in = OneDnnLibrary.class.getResourceAsStream(PROPERTIES)) {
            if (in == null) {
                throw new UnavailableException("not on the class path (%s)".formatted(PROPERTIES));
            }
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version", "unknown");
        }
    }

    private static Path cacheDirectory() {
        String configured = System.getenv("XDG_CACHE_HOME");
        Path base = configured != null && configured.startsWith("/")
                ? Path.of(configured)
                : Path.of(System.getProperty("user.home", "/nonexistent"), ".cache");
        return base.resolve("steelyard");
    }

    // Whether nobody else could put a library there for us to load.
    private static boolean isPrivate(Path directory) {
        try {
            Files.createDirectories(directory, PRIVATE);
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(directory);
            return Files.isWritable(directory)
                    && !permissions.contains(PosixFilePermission.GROUP_WRITE)
                    && !permissions.contains(PosixFilePermission.OTHERS_WRITE);
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}
