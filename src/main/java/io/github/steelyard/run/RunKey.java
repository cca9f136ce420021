package io.github.steelyard.run;

import io.github.steelyard.files.Printable;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/// What the statistics of a run depend on: digests of its inputs and the settings that change a value. Two runs with
/// equal keys have equal statistics; a run is only continued under the key that it was begun with.
///
/// A part named `data.seed` explains the part `data`: it is looked at only where that differs.
///
/// @param parts names, for people, to digests or values
public record RunKey(SortedMap<String, String> parts) {

    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");
    private static final int MOST_DIFFERENCES = 8;
    private static final int LONGEST_VALUE = 120; // characters

    public RunKey {
        parts = Collections.unmodifiableSortedMap(new TreeMap<>(parts));
    }

    /// Makes sure that a run begun under another key is the same run.
    ///
    /// @param file what the refusal is about
    /// @throws StatisticsException if it is not; it names the parts that differ
    public void requireContinues(RunKey begun, Path file) {
        List<String> differences = differencesFrom(begun);
        if (!differences.isEmpty()) {
            int more = differences.size() - MOST_DIFFERENCES;
            throw new StatisticsException(
                    file,
                    "belongs to another run (%s%s); use --fresh to start again, or another --out"
                            .formatted(
                                    String.join(
                                            "; ",
                                            differences.subList(0, Math.min(MOST_DIFFERENCES, differences.size()))),
                                    more > 0 ? String.format(Locale.ROOT, "; and %d more", more) : ""));
        }
    }

    /// Returns one text for each part that differs: `experts: all here, routed in the run`.
    List<String> differencesFrom(RunKey begun) {
        TreeMap<String, String> names = new TreeMap<>(begun.parts);
        names.putAll(parts);
        List<String> differences = new ArrayList<>();
        for (String name : names.keySet()) {
            String before = begun.parts.getOrDefault(name, "nothing");
            String now = parts.getOrDefault(name, "nothing");
            if (!before.equals(now) && isCompared(name, begun)) {
                String what =
                        DIGEST.matcher(now).matches() && DIGEST.matcher(before).matches()
                                ? "other content here than in the run"
                                : "%s here, %s in the run".formatted(brief(now), brief(before));
                differences.add("%s: %s".formatted(Printable.of(name), what));
            }
        }
        return differences;
    }

    private boolean isCompared(String name, RunKey begun) {
        String explained = name.substring(0, Math.max(0, name.indexOf('.')));
        return !parts.containsKey(explained) || !parts.get(explained).equals(begun.parts.get(explained));
    }

    private static String brief(String value) {
        String line = Printable.of(value);
        return line.length() > LONGEST_VALUE ? line.substring(0, LONGEST_VALUE) + "…" : line;
    }
}
