package io.github.steelyard.report;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.audit.FindingCode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What is in a checkpoint, and what is wrong with it.
///
/// @param directory the checkpoint as it was given
/// @param summary what is in it; empty if it cannot be opened
/// @param model what model it is; empty if its family is unknown or its config unusable
/// @param findings what is wrong or odd: which files were read where there was a choice, then errors, then warnings
public record Inspection(
        Path directory, Optional<CheckpointSummary> summary, Optional<ModelSummary> model, List<Finding> findings) {

    public Inspection {
        findings = List.copyOf(findings);
    }

    /// Opens a checkpoint and sums up its headers and configs; no tensor is read.
    public static Inspection summarise(Path directory) {
        return inspect(directory, 0);
    }

    /// Looks for everything that a calibration would refuse, values included. Never throws for what a checkpoint
    /// holds: all problems are findings.
    ///
    /// @param threads how many threads read the values
    public static Inspection check(Path directory, int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "threads must be at least 1: %d", threads));
        }
        return inspect(directory, threads);
    }

    private static Inspection inspect(Path directory, int threads) {
        Auditor auditor = new Auditor(Expectation.anyCheckpoint(), Math.max(1, threads));
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            List<Finding> findings = threads > 0 ? auditor.audit(checkpoint).findings() : findings(checkpoint);
            return new Inspection(
                    directory, Optional.of(CheckpointSummary.of(checkpoint)), model(checkpoint), findings);
        } catch (CheckpointException e) {
            return new Inspection(
                    directory,
                    Optional.empty(),
                    Optional.empty(),
                    auditor.unreadable(directory, e).findings());
        }
    }

    /// A checkpoint is shown whatever it declares; what is computed from it needs to be understood.
    private static List<Finding> findings(Checkpoint checkpoint) {
        List<Finding> findings = new ArrayList<>(checkpoint.findings());
        checkpoint
                .quantization()
                .problem()
                .ifPresent(problem -> findings.add(Finding.warning(
                        FindingCode.QUANTIZATION_UNKNOWN.text(),
                        "quantization",
                        "%s: %s; shown from its tensors alone"
                                .formatted(Printable.of(problem.file()), problem.problem()))));
        try {
            Families.describe(checkpoint);
        } catch (CheckpointException e) {
            findings.add(Finding.warning(FindingCode.CONFIG.text(), "config.json", String.valueOf(e.getMessage())));
        }
        return findings;
    }

    /// An unusable config is a finding of the check; a summary alone shows what it can.
    private static Optional<ModelSummary> model(Checkpoint checkpoint) {
        try {
            return Optional.of(ModelSummary.of(checkpoint));
        } catch (CheckpointException e) {
            return Optional.empty();
        }
    }

    /// Returns whether nothing prevents use.
    public boolean isSound() {
        return findings.stream().noneMatch(Finding::isError);
    }

    /// Returns the findings for people, one a line: `error: …` or `warning: …`.
    public List<String> findingLines() {
        return findings.stream()
                .map(finding -> (finding.isError() ? "error: " : "warning: ") + finding.message())
                .toList();
    }

    /// Returns the tree for [Json], without the findings.
    public Object json() {
        return InspectionJson.of(this);
    }
}
