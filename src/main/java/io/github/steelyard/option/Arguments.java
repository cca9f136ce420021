package io.github.steelyard.option;

import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.Shard;
import io.github.steelyard.job.Compute;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Setting;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Arguments that picocli has set before a command runs.
public final class Arguments {

    private Arguments() {}

    /// Returns `value`, which picocli guarantees.
    public static <T> T required(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("a required argument was not set");
        }
        return value;
    }

    /// Returns the command's name without the program's: `backends select`.
    public static String name(CommandSpec command) {
        String name = command.qualifiedName();
        int first = name.indexOf(' ');
        return first < 0 ? name : name.substring(first + 1);
    }

    /// Returns the names of the options given to a command, in the order in which they were given.
    public static List<String> given(@Nullable CommandSpec command) {
        return required(command).commandLine().getParseResult().matchedOptions().stream()
                .map(OptionSpec::longestName)
                .distinct()
                .toList();
    }

    /// Returns the names of the options that a mixin adds to a command.
    public static Set<String> ofMixin(@Nullable CommandSpec command, String field) {
        return required(required(command).mixins().get(field)).options().stream()
                .map(OptionSpec::longestName)
                .collect(Collectors.toSet());
    }

    /// Returns a count that may not have been given.
    public static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }

    private static int between(String text, int most) {
        try {
            int value = Integer.parseInt(text);
            if (value >= 1 && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // The same answer as for a number outside the range.
        }
        throw new CommandLine.TypeConversionException(
                most == Integer.MAX_VALUE
                        ? "expected a number of at least 1, found '%s'".formatted(text)
                        : String.format(Locale.ROOT, "expected a number from 1 to %d, found '%s'", most, text));
    }

    /// Reads what an export consists of.
    public static final class ExportFormat implements CommandLine.ITypeConverter<ExportOptions.Format> {

        @Override
        public ExportOptions.Format convert(String text) {
            return Arrays.stream(ExportOptions.Format.values())
                    .filter(format -> format.word().equals(text.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new CommandLine.TypeConversionException(
                            "expected modelopt, compressed-tensors, vllm-fakequant or scales, found '%s'"
                                    .formatted(text)));
        }
    }

    /// Reads a path. An empty one, as of a variable that is not set, would mean the working directory.
    public static final class NamedPath implements CommandLine.ITypeConverter<Path> {

        @Override
        public Path convert(String text) {
            if (text.isEmpty()) {
                throw new CommandLine.TypeConversionException("expected a path, found an empty text");
            }
            return Path.of(text);
        }
    }

    /// Reads a count of at least one.
    public static final class Positive implements CommandLine.ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            return between(text, Integer.MAX_VALUE);
        }
    }

    /// Reads a share.
    public static final class Share implements CommandLine.ITypeConverter<Double> {

        @Override
        public Double convert(String text) {
            try {
                double value = Double.parseDouble(text);
                if (value >= 0 && value <= 1) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // The same answer as for a number outside the range.
            }
            throw new CommandLine.TypeConversionException("expected a number from 0 to 1, found '%s'".formatted(text));
        }
    }

    /// Reads a number of threads.
    public static final class Threads implements CommandLine.ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            return between(text, Compute.MOST_THREADS);
        }
    }

    /// Reads the length of a sequence in tokens.
    public static final class SequenceLength implements CommandLine.ITypeConverter<Integer> {

        @Override
        public Integer convert(String text) {
            return between(text, DataOptions.LONGEST_SEQUENCE);
        }
    }

    /// Reads how often something is done, or over how many devices a model is spread.
    public static final class Few implements CommandLine.ITypeConverter<Integer> {

        static final int MOST = 4096;

        @Override
        public Integer convert(String text) {
            return between(text, MOST);
        }
    }

    /// Reads an extent of a tensor or a number of experts.
    public static final class Extent implements CommandLine.ITypeConverter<Integer> {

        static final int MOST = 1 << 24;

        @Override
        public Integer convert(String text) {
            return between(text, MOST);
        }
    }

    /// Reads a rate or a bound: zero, or a number that can still be divided by.
    public static final class Measure implements CommandLine.ITypeConverter<Double> {

        private static final double LEAST = 1e-6;
        private static final double MOST = 1e12;

        @Override
        public Double convert(String text) {
            try {
                double value = Double.parseDouble(text);
                if (value == 0 || (value >= LEAST && value <= MOST)) {
                    return value;
                }
            } catch (NumberFormatException e) {
                // The same answer as for a number outside the range.
            }
            throw new CommandLine.TypeConversionException(
                    "expected 0 or a number from %s to %s, found '%s'".formatted(LEAST, MOST, text));
        }
    }

    /// Reads a name in whatever case it is written.
    public static final class Name implements CommandLine.ITypeConverter<String> {

        @Override
        public String convert(String text) {
            return text.toLowerCase(Locale.ROOT);
        }
    }

    /// Reads what is set over a recipe.
    public static final class SettingText implements CommandLine.ITypeConverter<Setting> {

        @Override
        public Setting convert(String text) {
            try {
                return new Setting(text);
            } catch (IllegalArgumentException e) {
                throw new CommandLine.TypeConversionException(e.getMessage());
            }
        }
    }

    /// Reads which part of a text is measured.
    public static final class ShardText implements CommandLine.ITypeConverter<Shard> {

        @Override
        public Shard convert(String text) {
            try {
                return Shard.parse(text);
            } catch (IllegalArgumentException e) {
                throw new CommandLine.TypeConversionException(e.getMessage());
            }
        }
    }

    /// Reads the name of a recipe, or its path. An empty one would mean the working directory.
    public static final class RecipeName implements CommandLine.ITypeConverter<String> {

        @Override
        public String convert(String text) {
            return new NamedPath().convert(text).toString();
        }
    }

    /// Refuses more random tokens than a data file may have.
    public static void requireReadable(int sequences, int length) {
        if ((long) sequences * length > CalibrationSet.MOST_TOKENS) {
            throw new UsageException(String.format(
                    Locale.ROOT,
                    "--sequences %d, --sequence-length %d: more than %d tokens",
                    sequences,
                    length,
                    CalibrationSet.MOST_TOKENS));
        }
    }
}
