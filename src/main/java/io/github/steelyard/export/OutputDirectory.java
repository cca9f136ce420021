package io.github.steelyard.export;

import io.github.steelyard.checkpoint.StorageException;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Writes a directory that appears whole or not at all: it is filled under a name beside its own and then renamed.
final class OutputDirectory {

    private OutputDirectory() {}

    /// Fills a directory. What a killed process left behind beside it is removed.
    ///
    /// @param target a directory that does not exist yet, or is empty
    /// @param content writes into the directory that it is given
    /// @throws IllegalArgumentException if `target` is not free
    /// @throws StorageException if the device does not take it; nothing is left behind
    static <T> T write(Path target, Function<Path, T> content) {
        Path absolute = target.toAbsolutePath().normalize();
        requireFree(absolute);
        Path partial = absolute.resolveSibling(".%s.steelyard-partial".formatted(absolute.getFileName()));
        try {
            delete(partial);
            Files.createDirectories(partial);
            T result = content.apply(partial);
            Files.move(partial, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return result;
        } catch (IOException e) {
            throw new StorageException(target, e);
        } finally {
            deleteQuietly(partial);
        }
    }

    private static void requireFree(Path target) {
        if (!Files.exists(target)) {
            return;
        }
        try (var entries = Files.list(target)) {
            if (entries.findAny().isPresent()) {
                throw new IllegalArgumentException("%s exists and is not an empty directory".formatted(target));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("%s exists and is not an empty directory".formatted(target), e);
        }
    }

    private static void deleteQuietly(Path directory) {
        try {
            delete(directory);
        } catch (IOException e) {
            directory.toFile().deleteOnExit();
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException error) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
