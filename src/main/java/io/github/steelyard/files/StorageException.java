package io.github.steelyard.files;

import java.io.IOException;
import java.nio.file.Path;

/// A file that could not be written: the disk is full, the directory is read-only. Nothing is wrong with the input.
public final class StorageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path file;

    /// @param file the file that was to be written
    /// @param error what the file system said
    public StorageException(Path file, IOException error) {
        super("%s: cannot be written: %s".formatted(Printable.of(file), FileProblem.reason(file, error)), error);
        this.file = file;
    }

    /// Returns the file that was to be written.
    public Path file() {
        return file;
    }
}
