package io.github.steelyard.cli;

import io.github.steelyard.checkpoint.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Makes output directories.
final class Directories {

    private Directories() {}

    /// Makes a directory and those above it.
    ///
    /// @throws StorageException if it cannot be made
    static void create(Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }
}
