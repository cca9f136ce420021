package io.github.steelyard.report;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/// Collects findings: errors one by one, and warnings of one kind about many tensors as one line that names the first
/// of them. Both are bounded, so that a checkpoint in which everything is wrong gives a readable answer.
final class FindingList {

    private static final int MOST_ERRORS_OF_A_KIND = 1000;

    private final Path directory;
    private final List<Finding> findings = new ArrayList<>();
    private final Map<String, Integer> errors = new LinkedHashMap<>(); // by code
    private final Map<Group, TreeSet<String>> groups = new LinkedHashMap<>();

    /// What findings have in common that become one line.
    private record Group(Finding.Level level, String code, String subject, String message) {}

    /// @param directory the checkpoint, named where no file is at fault
    FindingList(Path directory) {
        this.directory = directory;
    }

    /// Adds findings as they are.
    void addAll(List<Finding> others) {
        findings.addAll(others);
    }

    /// Adds an error that an exception tells of.
    void error(String code, String subject, CheckpointException problem) {
        error(code, problem.file(), subject, problem.problem());
    }

    /// Adds an error: `FILE: tensor 'NAME': PROBLEM`.
    void tensorError(String code, Path file, String tensor, String problem) {
        error(code, file, tensor, "tensor %s: %s".formatted(Printable.quoted(tensor), problem));
    }

    /// Adds an error: `FILE: PROBLEM`.
    void error(String code, Path file, String subject, String problem) {
        add(Finding.error(code, subject, "%s: %s".formatted(Printable.of(file), problem)));
    }

    /// Adds a tensor that should be there and is not.
    ///
    /// @param wanted what should be there: `BF16 [16, 32]`
    void missing(String code, String tensor, String wanted) {
        tensorError(code, directory, tensor, "wanted %s, found nothing".formatted(wanted));
    }

    /// Adds a warning: `FILE: PROBLEM`.
    void warning(String code, Path file, String subject, String problem) {
        findings.add(Finding.warning(code, subject, "%s: %s".formatted(Printable.of(file), problem)));
    }

    /// Adds a name to the warning that says `message` of all its names.
    void warnOf(String code, String subject, String message, String name) {
        group(Finding.Level.WARNING, code, subject, message, name);
    }

    /// Adds a name to the error that says `message` of all its names.
    void errorOf(String code, String subject, String message, String name) {
        group(Finding.Level.ERROR, code, subject, message, name);
    }

    private void group(Finding.Level level, String code, String subject, String message, String name) {
        groups.computeIfAbsent(new Group(level, code, subject, message), group -> new TreeSet<>())
                .add(name);
    }

    /// Returns which files were read, then errors and warnings, each in the order in which they came, errors first.
    List<Finding> all() {
        List<Finding> all = new ArrayList<>(findings);
        errors.forEach((code, count) -> {
            if (count > MOST_ERRORS_OF_A_KIND) {
                all.add(Finding.error(
                        code,
                        code,
                        String.format(
                                Locale.ROOT,
                                "%s: %d more of the kind '%s'",
                                Printable.of(directory),
                                count - MOST_ERRORS_OF_A_KIND,
                                code)));
            }
        });
        groups.forEach((group, names) -> all.add(new Finding(
                group.level(),
                group.code(),
                group.subject(),
                String.format(
                        Locale.ROOT,
                        "%s: %s (%d): %s",
                        Printable.of(directory),
                        group.message(),
                        names.size(),
                        Printable.list(names)))));
        all.sort(Comparator.comparingInt(
                finding -> finding.code().equals(Finding.WHICH_FILES) ? 0 : finding.isError() ? 1 : 2));
        return all;
    }

    private void add(Finding error) {
        if (errors.merge(error.code(), 1, Integer::sum) <= MOST_ERRORS_OF_A_KIND) {
            findings.add(error);
        }
    }
}
