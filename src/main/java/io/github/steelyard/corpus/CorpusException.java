package io.github.steelyard.corpus;

import io.github.steelyard.files.Printable;
import java.nio.file.Path;
import java.util.Locale;

/// Calibration data or a tokenizer that cannot be used. The message is one line that begins with the file.
public final class CorpusException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path path;
    private final long line;

    /// @param line the line of the file, counted from 1
    public CorpusException(Path path, long line, String message) {
        super(String.format(Locale.ROOT, "%s:%d: %s", Printable.of(path), line, message));
        this.path = path;
        this.line = line;
    }

    /// For trouble that has no line.
    public CorpusException(Path path, String message) {
        super(Printable.of(path) + ": " + message);
        this.path = path;
        line = 0;
    }

    /// Returns the file.
    public Path path() {
        return path;
    }

    /// Returns the line counted from 1; 0 if the trouble is not at a line.
    public long line() {
        return line;
    }
}
