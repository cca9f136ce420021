package io.github.steelyard;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What `docs/ARCHITECTURE.md` allows.
///
/// @param edges for each package, in the order of the line, the packages that it may use
/// @param outside the rules for what lies outside the project
record Architecture(Map<String, Set<String>> edges, List<OutsideRule> outside) {

    static final String ROOT = "io.github.steelyard.";

    private static final Pattern EDGES = Pattern.compile("```edges\n(.*?)```", Pattern.DOTALL);
    private static final Pattern EDGE = Pattern.compile("(\\w+)\\s*->([\\w ]*)");
    private static final Pattern ROW = Pattern.compile("^\\| (.*`.*) \\| (.*) \\|$", Pattern.MULTILINE);
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final String TABLE = "| outside | only from |";

    /// One row of the outside table.
    ///
    /// @param names packages, classes or members, fully qualified
    /// @param users packages (`cli`) and classes (`kernel.Vector*`) of ours, without the root
    record OutsideRule(List<String> names, List<String> users) {

        /// Returns whether this rule is about `name`, a class or a member of one.
        boolean covers(String name) {
            return names.stream()
                    .anyMatch(ours -> name.equals(ours) || name.startsWith(ours + ".") || name.startsWith(ours + "$"));
        }

        /// Returns whether the class `name`, without the root, may use what this rule is about.
        boolean allows(String name) {
            String packageName = name.substring(0, name.indexOf('.'));
            return users.stream().anyMatch(user -> user.equals(packageName) || matches(user, name));
        }

        private static boolean matches(String user, String name) {
            String outermost = name.contains("$") ? name.substring(0, name.indexOf('$')) : name;
            return user.endsWith("*")
                    ? outermost.startsWith(user.substring(0, user.length() - 1))
                    : outermost.equals(user);
        }
    }

    static Architecture read(Path file) {
        try {
            return parse(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Architecture parse(String document) {
        Matcher block = EDGES.matcher(document);
        if (!block.find()) {
            throw new IllegalArgumentException("no ```edges block");
        }
        Map<String, Set<String>> edges = new LinkedHashMap<>();
        for (String line : block.group(1).lines().toList()) {
            Matcher edge = EDGE.matcher(line);
            if (!edge.matches()) {
                throw new IllegalArgumentException("expected 'package -> packages', found '%s'".formatted(line));
            }
            edges.put(edge.group(1), words(edge.group(2)));
        }
        int table = document.indexOf(TABLE);
        if (table < 0) {
            throw new IllegalArgumentException("no table '%s'".formatted(TABLE));
        }
        List<OutsideRule> outside = new ArrayList<>();
        Matcher row = ROW.matcher(document.substring(table));
        while (row.find()) {
            outside.add(new OutsideRule(codes(row.group(1)), codes(row.group(2))));
        }
        return new Architecture(edges, outside);
    }

    private static Set<String> words(String text) {
        return text.isBlank() ? Set.of() : new TreeSet<>(List.of(text.strip().split("\\s+")));
    }

    private static List<String> codes(String cell) {
        return CODE.matcher(cell).results().map(code -> code.group(1)).toList();
    }
}
