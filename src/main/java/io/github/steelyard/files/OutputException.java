package io.github.steelyard.files;

import java.nio.file.Path;

/// A place that may not be written: something lies there that this program did not make, or the place belongs to an
/// input. Nothing was touched; another place is to be named.
public final class OutputException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path path;
    private final String problem;

    /// @param path the file or directory
    /// @param problem what is in the way, on one line, without the path
    public OutputException(Path path, String problem) {
        super("%s: %s".formatted(Printable.of(path), problem));
        this.path = path;
        this.problem = problem;
    }

    /// Returns the file or directory.
    public Path path() {
        return path;
    }

    /// Returns what is in the way, without the path; [#getMessage] has both.
    public String problem() {
        return problem;
    }
}
