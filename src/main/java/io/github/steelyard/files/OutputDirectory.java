package io.github.steelyard.files;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/// Writes a directory that appears whole or not at all: it is filled inside a working directory beside its place and
/// then renamed. What a killed process left there is removed by the next one.
public final class OutputDirectory {

    private static final String CONTENT = "content/";

    private OutputDirectory() {}

    /// Returns the name of the working directory of a directory called `name`.
    public static String workName(String name) {
        return ".%s.steelyard-partial".formatted(name);
    }

    /// Refuses a target that is not free: it may be missing, or an empty directory, also by way of a link.
    ///
    /// @throws OutputException if it is neither
    public static void requireFree(Path target) {
        if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.isDirectory(target)) {
            throw new OutputException(target, "exists and is not a directory; give a new or empty directory");
        }
        OutputPaths.requireOwn(target, Set.of(), () -> false);
    }

    /// Fills a directory.
    ///
    /// @param target a directory that does not exist yet, or is empty; links are followed
    /// @param content writes into the directory that it is given
    /// @throws OutputException if `target` is not free, or another process writes it
    /// @throws StorageException if the device does not take it; nothing is left behind
    public static <T> T write(Path target, Function<Path, T> content) {
        requireFree(target);
        Path place = OutputPaths.real(target);
        Path parent = place.getParent();
        if (parent == null) {
            throw new OutputException(target, "cannot be replaced; give a directory inside it");
        }
        WorkDirectory work = claim(target, workDirectory(place));
        boolean empty = false;
        try {
            work.clear();
            empty = giveWay(place);
            Path filled = Files.createDirectory(work.file(CONTENT));
            T result = content.apply(filled);
            Files.move(filled, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            AtomicFiles.forceDirectory(parent);
            empty = false;
            return result;
        } catch (DirectoryNotEmptyException | NotDirectoryException e) {
            throw new OutputException(target, "was filled by others meanwhile; give a new or empty directory");
        } catch (IOException e) {
            throw new StorageException(target, e);
        } finally {
            if (empty) {
                giveBack(place);
            }
            work.remove();
        }
    }

    /// Removes what a killed process left beside a directory that is complete.
    public static void tidy(Path target) {
        Path work = workDirectory(OutputPaths.real(target));
        if (WorkDirectory.isOurs(work)) {
            try {
                WorkDirectory.claim(work, List.of(CONTENT)).remove();
            } catch (OutputException atWork) {
                // Whoever is at work there removes it.
            }
        }
    }

    private static WorkDirectory claim(Path target, Path directory) {
        try {
            return WorkDirectory.claim(directory, List.of(CONTENT));
        } catch (OutputException e) {
            throw new OutputException(
                    target, "is filled in %s: %s".formatted(e.path().getFileName(), e.problem()));
        }
    }

    private static Path workDirectory(Path place) {
        return place.resolveSibling(workName(String.valueOf(place.getFileName())));
    }

    /// Takes an empty directory away, and returns whether there was one. What is held in place, as a mount point is, is
    /// met here and not at the end.
    private static boolean giveWay(Path place) {
        try {
            return Files.deleteIfExists(place);
        } catch (IOException e) {
            throw new OutputException(
                    place, "is not free, or a mount point that cannot be replaced; give a directory inside it");
        }
    }

    private static void giveBack(Path place) {
        try {
            Files.createDirectory(place);
        } catch (IOException e) {
            // It was empty: nothing is lost.
        }
    }
}
