package io.github.steelyard.yaml;

import io.github.steelyard.files.Printable;
import java.nio.file.Path;

/// A place in a file.
///
/// @param file the file
/// @param line counted from 1
/// @param column counted from 1
public record Position(Path file, int line, int column) {

    /// Returns `file:line:column`.
    @Override
    public String toString() {
        return Printable.of(file) + ":" + line + ":" + column;
    }
}
