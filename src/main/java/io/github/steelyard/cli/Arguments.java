package io.github.steelyard.cli;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

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

    /// Returns the names of the options given to a command, in the order in which they were given.
    static List<String> given(@Nullable CommandSpec command) {
        return required(command).commandLine().getParseResult().matchedOptions().stream()
                .map(OptionSpec::longestName)
                .distinct()
                .toList();
    }

    /// Returns the names of the options that a mixin adds to a command.
    static Set<String> ofMixin(@Nullable CommandSpec command, String field) {
        return required(required(command).mixins().get(field)).options().stream()
                .map(OptionSpec::longestName)
                .collect(Collectors.toSet());
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
