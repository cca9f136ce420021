package io.github.steelyard.calibration;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What the statistics of a run depend on: digests of its inputs and the settings that change a value. Two runs with
/// equal keys have equal statistics; a run is only continued under the key that it was begun with.
///
/// @param parts names, for people, to digests or values
public record RunKey(SortedMap<String, String> parts) {

    public RunKey {
        parts = Collections.unmodifiableSortedMap(new TreeMap<>(parts));
    }

    /// Returns one line for each part that differs: `recipe: 12ab… was begun, 34cd… is asked for`.
    public List<String> differencesFrom(RunKey begun) {
        TreeMap<String, String> names = new TreeMap<>(begun.parts);
        names.putAll(parts);
        List<String> differences = new ArrayList<>();
        for (String name : names.keySet()) {
            String before = begun.parts.getOrDefault(name, "nothing");
            String now = parts.getOrDefault(name, "nothing");
            if (!before.equals(now)) {
                differences.add(
                        "%s: the run was begun with %s, asked for is %s".formatted(name, brief(before), brief(now)));
            }
        }
        return differences;
    }

    private static String brief(String value) {
        return value.length() > 16 ? value.substring(0, 16) + "…" : value;
    }
}
