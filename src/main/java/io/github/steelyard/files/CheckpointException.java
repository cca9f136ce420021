package io.github.steelyard.files;

import java.nio.file.Path;

/// A checkpoint that cannot be used: the file, and one line that says what was wanted and what was found.
public final class CheckpointException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path file;
    private final String problem;

    /// @param file the file or directory at fault
    /// @param problem what is wrong with it, on one line, without the file's name
    public CheckpointException(Path file, String problem) {
        super("%s: %s".formatted(Printable.of(file), problem));
        this.file = file;
        this.problem = problem;
    }

    /// As [#CheckpointException(Path, String)], with the error that caused it.
    public CheckpointException(Path file, String problem, Throwable cause) {
        super("%s: %s".formatted(Printable.of(file), problem), cause);
        this.file = file;
        this.problem = problem;
    }

    /// Returns the file or directory at fault.
    public Path file() {
        return file;
    }

    /// Returns what is wrong, without the file's name; [#getMessage] has both.
    public String problem() {
        return problem;
    }
}
