package io.github.steelyard.files;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// Collects findings in the order of the checks. Findings that say the same of many subjects become one that counts
/// them and names the first few; of one kind that says something else of each, the first are kept and the rest counted.
public final class GroupedFindings {

    private static final int MOST_NAMES = 3;
    private static final int MOST_ALIKE = 3; // warnings that say the same, one by one
    private static final int MOST_ERRORS_ALIKE = 10;
    private static final int MOST_OF_A_KIND = 20;

    /// What findings have in common that become one.
    ///
    /// @param alone whether the message names its subject itself
    private record Group(Finding.Level level, String code, String message, boolean alone) {}

    private final Map<Group, Set<String>> found = new LinkedHashMap<>(); // their subjects

    /// Adds a warning about `subject`; `message` does not repeat it.
    public void warning(String code, String subject, String message) {
        add(new Group(Finding.Level.WARNING, code, message, false), subject);
    }

    /// Adds a finding that was made elsewhere.
    public void add(Finding finding) {
        String prefix = finding.subject() + ": ";
        boolean alone = !finding.message().startsWith(prefix);
        String message = alone ? finding.message() : finding.message().substring(prefix.length());
        add(new Group(finding.level(), finding.code(), message, alone), finding.subject());
    }

    private void add(Group group, String subject) {
        found.computeIfAbsent(group, absent -> new LinkedHashSet<>()).add(subject);
    }

    /// Returns what was found.
    public List<Finding> list() {
        List<Finding> list = new ArrayList<>();
        Map<Kind, Integer> kinds = new LinkedHashMap<>();
        found.forEach((group, subjects) -> {
            Kind kind = new Kind(group.level(), group.code());
            for (Finding finding : of(group, subjects)) {
                if (kinds.merge(kind, 1, Integer::sum) <= MOST_OF_A_KIND) {
                    list.add(finding);
                }
            }
        });
        kinds.forEach((kind, count) -> {
            if (count > MOST_OF_A_KIND) {
                String message =
                        String.format(Locale.ROOT, "%d more of the kind %s", count - MOST_OF_A_KIND, kind.code());
                list.add(new Finding(kind.level(), kind.code(), kind.code(), message));
            }
        });
        return List.copyOf(list);
    }

    private static List<Finding> of(Group group, Set<String> subjects) {
        int most = group.level() == Finding.Level.ERROR ? MOST_ERRORS_ALIKE : MOST_ALIKE;
        if (group.alone() || subjects.size() <= most) {
            return subjects.stream()
                    .map(subject -> new Finding(
                            group.level(),
                            group.code(),
                            subject,
                            group.alone() ? group.message() : subject + ": " + group.message()))
                    .toList();
        }
        String names = subjects.stream().limit(MOST_NAMES).collect(Collectors.joining(", "));
        String message =
                String.format(Locale.ROOT, "%s and %d more: %s", names, subjects.size() - MOST_NAMES, group.message());
        return List.of(
                new Finding(group.level(), group.code(), subjects.iterator().next(), message));
    }

    private record Kind(Finding.Level level, String code) {}
}
