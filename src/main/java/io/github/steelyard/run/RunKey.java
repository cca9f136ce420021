package io.github.steelyard.run;

import io.github.steelyard.files.Printable;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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

    /// The part that is the digest of the checkpoint.
    public static final String CHECKPOINT = "checkpoint";

    /// The part that is the digest of the sequences of the calibration text.
    public static final String DATA = "data";

    /// The part that says which of these sequences a run measures, where these are some of them.
    public static final String PART = "part";

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
        differences(begun, "here", "in the run").ifPresent(differences -> {
            throw new StatisticsException(
                    file,
                    "belongs to another run (%s); use --fresh to start again, or another --out".formatted(differences));
        });
    }

    /// Returns what differs, in one line; empty if nothing does.
    ///
    /// @param here what this key is called in it
    /// @param there what the other is called
    Optional<String> differences(RunKey other, String here, String there) {
        List<String> differences = differencesFrom(other, here, there);
        int shown = Math.min(MOST_DIFFERENCES, differences.size());
        int more = differences.size() - shown;
        return differences.isEmpty()
                ? Optional.empty()
                : Optional.of(String.join("; ", differences.subList(0, shown))
                        + (more > 0 ? String.format(Locale.ROOT, "; and %d more", more) : ""));
    }

    /// Returns one text for each part that differs: `experts: all here, routed in the run`.
    private List<String> differencesFrom(RunKey begun, String here, String there) {
        TreeMap<String, String> names = new TreeMap<>(begun.parts);
        names.putAll(parts);
        List<String> differences = new ArrayList<>();
        for (String name : names.keySet()) {
            String before = begun.parts.getOrDefault(name, "nothing");
            String now = parts.getOrDefault(name, "nothing");
            if (!before.equals(now) && isCompared(name, begun)) {
                String what =
                        DIGEST.matcher(now).matches() && DIGEST.matcher(before).matches()
                                ? "other content %s than %s".formatted(here, there)
                                : "%s %s, %s %s".formatted(brief(now), here, brief(before), there);
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
