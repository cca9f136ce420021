package io.github.steelyard.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Looks at places before anything is written there.
public final class OutputPaths {

    private static final int DEEPEST = 3; // OUT/run/state

    private OutputPaths() {}

    /// Returns the path with all links followed, as far as it exists.
    public static Path real(Path path) {
        Path absolute = path.toAbsolutePath();
        for (Path prefix = absolute; prefix != null; prefix = prefix.getParent()) {
            try {
                Path real =
                        prefix.toRealPath().resolve(prefix.relativize(absolute)).normalize();
                return real.equals(absolute) ? real : real(real);
            } catch (IOException missing) {
                // The part above it may be there.
            }
        }
        return absolute.normalize();
    }

    /// Refuses an output that is an input, lies in one, or holds one, links followed.
    ///
    /// @param output a file or directory to be written
    /// @param inputs files and directories that are read
    /// @throws OutputException if it is so
    public static void requireApart(Path output, Collection<Path> inputs) {
        Path written = real(output);
        for (Path input : inputs) {
            Path read = real(input);
            if (written.startsWith(read) || read.startsWith(written)) {
                String relation = written.equals(read) ? "is" : written.startsWith(read) ? "lies in" : "holds";
                throw new OutputException(
                        output,
                        "%s the input %s; inputs are never written to, give another place"
                                .formatted(relation, Printable.of(input)));
            }
        }
    }

    /// Refuses a directory that others have filled. It may be missing, or be a directory without a file in it and
    /// without a name of others, as one that was just begun.
    ///
    /// @param names what this program calls the entries of such a directory
    /// @param ours whether something in it proves that this program made it; asked only if it holds anything
    /// @throws OutputException if it is not ours
    public static void requireOwn(Path directory, Set<String> names, BooleanSupplier ours) {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> entries = entries(directory);
        boolean begun = entries.stream().allMatch(entry -> names.contains(name(entry)) && isHollow(entry, DEEPEST));
        if (!begun && !ours.getAsBoolean()) {
            throw new OutputException(
                    directory,
                    "exists and is not empty, and steelyard did not make it (it holds %s); give a new or empty directory"
                            .formatted(Printable.list(
                                    entries.stream().map(OutputPaths::name).toList())));
        }
    }

    /// Returns the entries of a directory, in the order of their names; none if it is gone.
    ///
    /// @throws OutputException if it is none, or cannot be listed
    static List<Path> entries(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            if (e instanceof NoSuchFileException && !Files.isSymbolicLink(directory)) {
                return List.of();
            }
            throw new OutputException(
                    directory,
                    Files.isDirectory(directory)
                            ? "cannot be listed: " + FileProblem.reason(directory, e)
                            : "exists and is not a directory");
        }
    }

    /// Returns what lies at `path` itself, links not followed; null if there is nothing.
    static @Nullable BasicFileAttributes attributes(Path path) throws IOException {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                ? Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                : null;
    }

    /// Returns what tells a file apart from others, whatever their names; null if there is none.
    static @Nullable Object key(Path file) throws IOException {
        BasicFileAttributes there = attributes(file);
        return there == null ? null : there.fileKey();
    }

    /// Returns the directory that a file lies in.
    static Path directory(Path file) {
        return Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a directory");
    }

    static String name(Path path) {
        return String.valueOf(path.getFileName());
    }

    private static boolean isHollow(Path path, int depth) {
        return depth > 0
                && Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
                && entries(path).stream().allMatch(entry -> isHollow(entry, depth - 1));
    }
}
