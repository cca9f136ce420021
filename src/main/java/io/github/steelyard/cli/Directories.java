package io.github.steelyard.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.stream.Stream;

/// Looks at output directories before anything is done for them.
final class Directories {

    private Directories() {}

    /// Refuses a directory that has anything in it, or a file of that name.
    static void requireFree(Path directory) {
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            if (entries.findAny().isEmpty()) {
                return;
            }
        } catch (IOException e) {
            throw new UsageException("%s exists and is not an empty directory".formatted(directory));
        }
        throw new UsageException("%s exists and is not empty".formatted(directory));
    }
}
