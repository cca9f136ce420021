package io.github.steelyard.cli;

import org.jspecify.annotations.Nullable;

/// Arguments that picocli has set before a command runs.
final class Arguments {

    private Arguments() {}

    /// Returns `value`, which picocli guarantees.
    static <T> T required(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("a required argument was not set");
        }
        return value;
    }
}
