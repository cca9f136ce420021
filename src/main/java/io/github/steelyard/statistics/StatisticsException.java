package io.github.steelyard.statistics;

import io.github.steelyard.files.Printable;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A run directory, or a file in it, that cannot be used: damaged, of another version, or with values that no
/// calibration writes.
public final class StatisticsException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final transient @Nullable Path file;

    /// @param file the file at fault
    /// @param problem one line that says what is wrong, what was wanted and what was found
    public StatisticsException(Path file, String problem) {
        super(Printable.of(file) + ": " + problem);
        this.file = file;
    }

    /// As the other constructor, with the failure that showed the problem.
    public StatisticsException(Path file, String problem, Throwable cause) {
        super(Printable.of(file) + ": " + problem, cause);
        this.file = file;
    }

    /// Returns the file at fault.
    public @Nullable Path file() {
        return file;
    }
}
