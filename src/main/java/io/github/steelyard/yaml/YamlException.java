package io.github.steelyard.yaml;

import io.github.steelyard.files.Printable;
import java.nio.file.Path;

/// A YAML file that cannot be read, or that does not have the keys and values asked for.
///
/// The message is one line that begins with the place.
public final class YamlException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path path;
    private final int line;

    /// @param at where the trouble is
    public YamlException(Position at, String message) {
        super(at + ": " + message);
        path = at.file();
        line = at.line();
    }

    /// For trouble that has no line.
    public YamlException(Path path, String message) {
        super(Printable.of(path) + ": " + message);
        this.path = path;
        line = 0;
    }

    /// Returns the file.
    public Path path() {
        return path;
    }

    /// Returns the line counted from 1; 0 if the trouble is not at a line.
    public int line() {
        return line;
    }
}
