package io.github.steelyard.run;

import io.github.steelyard.files.Printable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// What of one calibration text a run measured, where that is a part of it, or where there are several texts.
///
/// @param source the text; its digest is that of all its sequences
/// @param count sequences of the text
/// @param ranges which of them were measured, ascending, with a gap between two
/// @param tokens tokens in these
public record Portion(Manifest.DataInput source, int count, List<Range> ranges, long tokens) {

    private static final int SHORT_DIGEST = 12;

    /// Consecutive sequences.
    ///
    /// @param from the first, from 0
    /// @param to the one after the last
    public record Range(int from, int to) {

        /// @throws IllegalArgumentException if there are none between them
        public Range {
            if (from < 0 || to <= from) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "no sequences are from %d to before %d", from, to));
            }
        }

        /// Returns what both have, if anything.
        Optional<Range> common(Range other) {
            int first = Math.max(from, other.from);
            int end = Math.min(to, other.to);
            return first < end ? Optional.of(new Range(first, end)) : Optional.empty();
        }

        /// Returns the range for people, who count from 1.
        String text() {
            return to - from == 1 ? Integer.toString(to) : String.format(Locale.ROOT, "%d to %d", from + 1, to);
        }
    }

    /// @throws IllegalArgumentException if the text does not have them, or if they are not apart from one another
    public Portion {
        ranges = List.copyOf(ranges);
        int end = -1;
        for (Range range : ranges) {
            if (range.from() <= end) {
                throw new IllegalArgumentException("ranges of sequences that are not ascending and apart");
            }
            end = range.to();
        }
        if (ranges.isEmpty() || end > count || tokens < 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "expected sequences among %d, found %s", count, ranges));
        }
    }

    /// Returns a portion of consecutive sequences.
    public static Portion of(Manifest.DataInput source, int count, int from, int to, long tokens) {
        return new Portion(source, count, List.of(new Range(from, to)), tokens);
    }

    /// Returns whether it is all of the text.
    public boolean isWhole() {
        return missing().isEmpty();
    }

    /// Returns how many sequences were measured.
    public int sequences() {
        return ranges.stream().mapToInt(range -> range.to() - range.from()).sum();
    }

    /// Returns what of the text is not in it.
    List<Range> missing() {
        List<Range> missing = new ArrayList<>();
        int end = 0;
        for (Range range : ranges) {
            if (range.from() > end) {
                missing.add(new Range(end, range.from()));
            }
            end = range.to();
        }
        if (end < count) {
            missing.add(new Range(end, count));
        }
        return missing;
    }

    /// Returns what is in both.
    List<Range> common(Portion other) {
        List<Range> common = new ArrayList<>();
        ranges.forEach(
                range -> other.ranges.forEach(another -> range.common(another).ifPresent(common::add)));
        return common;
    }

    /// Returns both together, which have nothing in common.
    Portion merge(Portion other) {
        List<Range> all = new ArrayList<>(ranges);
        all.addAll(other.ranges);
        all.sort(Comparator.comparingInt(Range::from));
        List<Range> joined = new ArrayList<>();
        for (Range range : all) {
            boolean follows = !joined.isEmpty() && joined.getLast().to() == range.from();
            Range before = follows ? joined.removeLast() : range;
            joined.add(new Range(before.from(), range.to()));
        }
        Manifest.DataInput either = source.path().compareTo(other.source.path()) <= 0 ? source : other.source;
        return new Portion(either, count, joined, Math.addExact(tokens, other.tokens));
    }

    /// Returns one line for people: `sequences 1 to 4, 9 to 16 of 36`.
    public String described() {
        return String.format(Locale.ROOT, "sequences %s of %d", named(ranges), count);
    }

    static String named(List<Range> ranges) {
        return ranges.stream().map(Range::text).collect(Collectors.joining(", "));
    }

    /// Returns one line about several texts, each named by its digest; about one, [#described()] of it.
    public static String described(List<Portion> portions) {
        return portions.size() == 1
                ? portions.getFirst().described()
                : portions.stream()
                        .map(portion -> "%s of text %s".formatted(portion.described(), portion.name()))
                        .collect(Collectors.joining("; "));
    }

    /// Returns one line about what is missing of each text; empty where nothing is.
    public static Optional<String> missing(List<Portion> portions) {
        String missing = portions.stream()
                .filter(portion -> !portion.isWhole())
                .map(portion -> String.format(
                        Locale.ROOT,
                        "sequences %s of %d%s",
                        named(portion.missing()),
                        portion.count,
                        portions.size() == 1 ? "" : " of text " + portion.name()))
                .collect(Collectors.joining("; "));
        return Optional.of(missing).filter(text -> !text.isEmpty());
    }

    private String name() {
        String digest = source.digest();
        return Printable.of(digest.substring(0, Math.min(SHORT_DIGEST, digest.length())));
    }
}
