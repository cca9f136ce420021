package io.github.steelyard.jinja;

import java.util.Map;
import java.util.Set;

/// The filters and tests that there are, by their names; some have several.
public final class Names {

    /// Filters of texts, and of what can be printed.
    public static final Set<String> TEXT_FILTERS = Set.of(
            "trim",
            "upper",
            "lower",
            "title",
            "capitalize",
            "replace",
            "string",
            "indent",
            "format",
            "tojson",
            "center");

    /// Filters of lists and mappings.
    public static final Set<String> SEQUENCE_FILTERS = Set.of(
            "first",
            "last",
            "list",
            "join",
            "reverse",
            "sort",
            "unique",
            "map",
            "select",
            "reject",
            "selectattr",
            "rejectattr",
            "sum",
            "min",
            "max",
            "items",
            "dictsort",
            "batch");

    /// Tests that compare with a value.
    public static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=", "in");

    private static final Set<String> OTHER_FILTERS =
            Set.of("default", "length", "abs", "int", "float", "round", "attr");
    private static final Map<String, String> FILTER_ALIASES =
            Map.of("d", "default", "count", "length", "safe", "string");
    private static final Set<String> TESTS = Set.of(
            "defined",
            "undefined",
            "none",
            "boolean",
            "true",
            "false",
            "integer",
            "float",
            "number",
            "string",
            "mapping",
            "iterable",
            "sequence",
            "callable",
            "sameas",
            "odd",
            "even",
            "divisibleby",
            "lower",
            "upper");
    private static final Map<String, String> TEST_ALIASES = Map.ofEntries(
            Map.entry("eq", "=="),
            Map.entry("equalto", "=="),
            Map.entry("ne", "!="),
            Map.entry("lt", "<"),
            Map.entry("lessthan", "<"),
            Map.entry("le", "<="),
            Map.entry("gt", ">"),
            Map.entry("greaterthan", ">"),
            Map.entry("ge", ">="));

    private Names() {}

    /// Returns the name that a filter goes by.
    ///
    /// @throws TemplateException if there is no such filter here
    public static String filter(String name) {
        String known = FILTER_ALIASES.getOrDefault(name, name);
        if (!TEXT_FILTERS.contains(known) && !SEQUENCE_FILTERS.contains(known) && !OTHER_FILTERS.contains(known)) {
            throw new TemplateException("filter '%s' is not done here".formatted(name));
        }
        return known;
    }

    /// Returns the name that a test goes by.
    ///
    /// @throws TemplateException if there is no such test here
    public static String test(String name) {
        String known = TEST_ALIASES.getOrDefault(name, name);
        if (!TESTS.contains(known) && !COMPARISONS.contains(known)) {
            throw new TemplateException("test '%s' is not done here".formatted(name));
        }
        return known;
    }
}
