package io.github.steelyard.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

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

    /// Reads a count of at least one.
    static final class Positive implements CommandLine.ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            try {
                int value = Integer.parseInt(text);
                if (value > 0) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // The same answer as for a number that is too small.
            }
            throw new CommandLine.TypeConversionException(
                    "expected a number of at least 1, found '%s'".formatted(text));
        }
    }
}
