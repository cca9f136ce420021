package io.github.steelyard.declare;

import java.util.Collection;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;

/// Names the modules that a server must leave alone, as briefly as ModelOpt does: the longest prefix that a module
/// needs to differ from every quantised one, ended at a dot and followed by `*`, or the module's full name.
///
/// A prefix is compared as text, because that is how servers match it: `model.layers.1*` would also match layer 10.
public final class ExcludeList {

    private ExcludeList() {}

    /// Returns names and prefixes in order, each matching at least one of `unquantised` and none of `quantised`.
    public static List<String> summarise(Collection<String> unquantised, Collection<String> quantised) {
        TreeSet<String> others = new TreeSet<>(quantised);
        TreeSet<String> entries = new TreeSet<>();
        for (String module : unquantised) {
            entries.add(entry(module, others));
        }
        entries.removeIf(entry -> !entry.endsWith("*") && entries.contains(entry + "*"));
        return List.copyOf(entries);
    }

    /// Returns whether `entry`, a name or a prefix followed by `*`, matches `module`.
    static boolean matches(String entry, String module) {
        return entry.endsWith("*")
                ? module.startsWith(entry.substring(0, entry.length() - 1))
                : module.equals(entry) || module.startsWith(entry + ".");
    }

    private static String entry(String module, NavigableSet<String> quantised) {
        for (int dot = module.indexOf('.'); dot >= 0; dot = module.indexOf('.', dot + 1)) {
            String prefix = module.substring(0, dot);
            if (!startsAny(prefix, quantised)) {
                return prefix + "*";
            }
        }
        return module;
    }

    private static boolean startsAny(String prefix, NavigableSet<String> names) {
        String next = names.ceiling(prefix);
        return next != null && next.startsWith(prefix);
    }
}
