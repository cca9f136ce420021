package io.github.steelyard.files;

import java.nio.file.Path;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Locale;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Text from files that others wrote, made fit for one line of a message: what steers a terminal or changes the order
/// of what is read (control and format characters) is escaped, and what is long is cut.
public final class Printable {

    private static final int LONGEST = 400; // characters
    private static final int LONGEST_BRIEF = 80; // characters
    private static final int MOST_NAMES = 20;

    private Printable() {}

    /// Returns `text` on one line, cut after 400 characters.
    public static String of(String text) {
        return text.length() > LONGEST ? line(text.substring(0, LONGEST)) + '…' : line(text);
    }

    /// Returns `text` on one line: control characters as `?`, cut after 80 characters.
    public static String brief(String text) {
        String line = text.length() > LONGEST_BRIEF ? text.substring(0, LONGEST_BRIEF) + "…" : text;
        StringBuilder plain = new StringBuilder(line.length());
        line.chars().forEach(c -> plain.append(Character.isISOControl(c) ? '?' : (char) c));
        return plain.toString();
    }

    /// Returns `count` and the noun, in the plural unless the count is 1.
    public static String count(int count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }

    /// Returns `text` on one line, whatever its length.
    public static String line(String text) {
        if (text.codePoints().allMatch(Printable::isPlain)) {
            return text;
        }
        StringBuilder line = new StringBuilder();
        text.codePoints().forEach(point -> {
            if (isPlain(point)) {
                line.appendCodePoint(point);
            } else {
                for (char c : Character.toChars(point)) {
                    line.append("\\u").append(HexFormat.of().toHexDigits(c));
                }
            }
        });
        return line.toString();
    }

    /// Returns the path on one line.
    public static String of(Path path) {
        return of(path.toString());
    }

    /// Returns `name` on one line and in single quotes.
    public static String quoted(String name) {
        return "'" + of(name) + "'";
    }

    /// Returns the names, quoted and in natural order, the first 20 if there are more.
    public static String list(Collection<String> names) {
        TreeSet<String> sorted = new TreeSet<>(NaturalOrder.INSTANCE);
        sorted.addAll(names);
        String first = sorted.stream().limit(MOST_NAMES).map(Printable::quoted).collect(Collectors.joining(", "));
        return sorted.size() > MOST_NAMES
                ? String.format(Locale.ROOT, "%s and %d more", first, sorted.size() - MOST_NAMES)
                : first;
    }

    /// Returns whether every surrogate of `text` has its partner, so that it can be written as UTF-8.
    public static boolean isUnicode(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i)) && !isPaired(text, i)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isPlain(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> false;
            default -> true;
        };
    }

    private static boolean isPaired(String text, int index) {
        char c = text.charAt(index);
        return Character.isHighSurrogate(c)
                ? index + 1 < text.length() && Character.isLowSurrogate(text.charAt(index + 1))
                : index > 0 && Character.isHighSurrogate(text.charAt(index - 1));
    }
}
