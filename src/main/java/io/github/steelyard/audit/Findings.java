package io.github.steelyard.audit;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Finding.Level;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.files.Printable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

/// Collects findings: one by one, or of one kind about many tensors as one line that names the first of them. Both are
/// bounded, so that a checkpoint in which everything is wrong gives a readable answer.
final class Findings {

    private static final int MOST_OF_A_KIND = 1000;

    private final Path directory;
    private final boolean export;
    private final boolean mild;
    private final List<Finding> findings;
    private final Map<Kind, Integer> counts;
    private final Map<Group, NavigableSet<String>> groups;

    private record Kind(Level level, String code) {}

    /// What findings have in common that become one line.
    private record Group(Level level, String code, String message) {}

    /// @param directory the checkpoint, named where no file is at fault
    /// @param export what is expected of it
    Findings(Path directory, boolean export) {
        this(directory, export, false, new ArrayList<>(), new LinkedHashMap<>(), new LinkedHashMap<>());
    }

    private Findings(
            Path directory,
            boolean export,
            boolean mild,
            List<Finding> findings,
            Map<Kind, Integer> counts,
            Map<Group, NavigableSet<String>> groups) {
        this.directory = directory;
        this.export = export;
        this.mild = mild;
        this.findings = findings;
        this.counts = counts;
        this.groups = groups;
    }

    /// Returns these findings for what is no more than a warning, whatever its code.
    Findings mild() {
        return new Findings(directory, export, true, findings, counts, groups);
    }

    /// Returns these findings for what is said of a tensor: if the model does not read it, only an export, which others
    /// serve, is worse for it.
    Findings of(boolean read) {
        return read || export ? this : mild();
    }

    /// Adds findings as they are.
    void addAll(List<Finding> others) {
        findings.addAll(others);
    }

    /// Adds what an exception tells of.
    void add(FindingCode code, String subject, CheckpointException problem) {
        add(code, problem.file(), subject, problem.problem());
    }

    /// Adds `FILE: tensor 'NAME': PROBLEM`.
    void tensor(FindingCode code, Path file, String tensor, String problem) {
        add(code, file, tensor, "tensor %s: %s".formatted(Printable.quoted(tensor), problem));
    }

    /// Adds what is wrong with a tensor; of one that the model does not read, it says so.
    void tensor(FindingCode code, Path file, String tensor, boolean read, String problem) {
        String whose = read ? "" : ", which the model does not read";
        of(read).add(code, file, tensor, "tensor %s%s: %s".formatted(Printable.quoted(tensor), whose, problem));
    }

    /// Adds `FILE: PROBLEM`.
    void add(FindingCode code, Path file, String subject, String problem) {
        add(code, subject, "%s: %s".formatted(Printable.of(file), problem));
    }

    /// Adds `DIRECTORY: PROBLEM`.
    void here(FindingCode code, String subject, String problem) {
        add(code, directory, subject, problem);
    }

    /// Adds a tensor that should be there and is not.
    ///
    /// @param wanted what should be there: `BF16 [16, 32]`
    void missing(FindingCode code, String tensor, String wanted) {
        tensor(code, directory, tensor, "wanted %s, found nothing".formatted(wanted));
    }

    /// Adds a name to the finding that says `message` of all its names.
    void each(FindingCode code, String message, String name) {
        groups.computeIfAbsent(
                        new Group(level(code), code.text(), message), group -> new TreeSet<>(NaturalOrder.INSTANCE))
                .add(name);
    }

    /// Returns the same with every subject for itself, `SUBJECT: PROBLEM` where others were told together.
    List<Finding> singly() {
        List<Finding> all = new ArrayList<>(findings);
        groups.forEach((group, names) -> names.forEach(name ->
                all.add(new Finding(group.level(), group.code(), name, "%s: %s".formatted(name, group.message())))));
        return all;
    }

    /// Returns which files were read, then errors and warnings, each in the order in which they came, errors first.
    List<Finding> all() {
        List<Finding> all = new ArrayList<>(findings);
        counts.forEach((kind, count) -> {
            if (count > MOST_OF_A_KIND) {
                all.add(new Finding(
                        kind.level(),
                        kind.code(),
                        kind.code(),
                        String.format(
                                Locale.ROOT,
                                "%s: %d more of the kind '%s'",
                                Printable.of(directory),
                                count - MOST_OF_A_KIND,
                                kind.code())));
            }
        });
        groups.forEach((group, names) -> all.add(new Finding(
                group.level(),
                group.code(),
                names.getFirst(),
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

    private void add(FindingCode code, String subject, String message) {
        Kind kind = new Kind(level(code), code.text());
        if (counts.merge(kind, 1, Integer::sum) <= MOST_OF_A_KIND) {
            findings.add(new Finding(kind.level(), code.text(), subject, message));
        }
    }

    private Level level(FindingCode code) {
        return mild ? Level.WARNING : code.level(export);
    }
}
