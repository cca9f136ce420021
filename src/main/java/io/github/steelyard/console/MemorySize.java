package io.github.steelyard.console;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;

/// A size in bytes as people write it: `1.5G`, `800MiB`, `2000000000`. Units are powers of 1024.
public record MemorySize(long bytes) {

    private static final Pattern FORM = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*([kmgt]?)(?:i?b)?");

    /// Turns an argument into a size.
    public static final class Converter implements CommandLine.ITypeConverter<MemorySize> {

        @Override
        public MemorySize convert(String text) {
            Matcher matcher = FORM.matcher(text.toLowerCase(Locale.ROOT));
            if (!matcher.matches()) {
                throw new CommandLine.TypeConversionException(
                        "expected a size such as 8G or 800M, found '%s'".formatted(text));
            }
            double factor = Math.pow(1024, " kmgt".indexOf((matcher.group(2) + " ").charAt(0)));
            return new MemorySize((long) (Double.parseDouble(matcher.group(1)) * factor));
        }
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
