package io.github.steelyard.report;

import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Findings for people: those of one kind are one line, with the first of their subjects.
public final class FindingText {

    private record Kind(boolean error, String code, String detail) {}

    private FindingText() {}

    /// Returns the lines, in the order in which the kinds came. Findings of one code whose messages differ only by the
    /// subject are told together; where they differ otherwise, the first stands for all.
    public static List<String> lines(List<Finding> findings) {
        Map<Kind, List<Finding>> kinds = new LinkedHashMap<>();
        for (Finding finding : findings) {
            kinds.computeIfAbsent(
                            new Kind(
                                    finding.isError(),
                                    finding.code(),
                                    detail(finding).replaceAll("[-+0-9.Ee]*[0-9]+[-+0-9.Ee]*", "N")),
                            absent -> new ArrayList<>())
                    .add(finding);
        }
        return kinds.entrySet().stream()
                .map(entry -> line(entry.getKey(), entry.getValue()))
                .toList();
    }

    private static String line(Kind kind, List<Finding> findings) {
        Finding first = findings.getFirst();
        String level = kind.error() ? "error" : "warning";
        if (findings.size() == 1) {
            return "%s: %s".formatted(level, first.message());
        }
        List<String> subjects = findings.stream().map(Finding::subject).toList();
        boolean alike = findings.stream().map(FindingText::detail).distinct().count() == 1;
        return String.format(
                Locale.ROOT,
                "%s: %d %s: %s%s",
                level,
                findings.size(),
                Printable.list(subjects),
                detail(first),
                alike ? "" : " (the first of them)");
    }

    private static String detail(Finding finding) {
        String prefix = finding.subject() + ": ";
        return finding.message().startsWith(prefix) ? finding.message().substring(prefix.length()) : finding.message();
    }
}
