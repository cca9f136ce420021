package io.github.steelyard.report;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.Decoder;
import java.nio.file.Path;
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
        FindingList findings = new FindingList(directory);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            findings.addAll(checkpoint.findings());
            StoredModules stored = new StoredModules(
                    checkpoint.tensors().values(), checkpoint.tensors().keySet());
            boolean checking = threads > 0;
            checkpoint.quantization().problem().ifPresent(problem -> notUnderstood(problem, findings, checking));
            if (checking) {
                check(checkpoint, stored, findings, threads);
            }
            return new Inspection(
                    directory,
                    Optional.of(CheckpointSummary.of(checkpoint, stored)),
                    model(checkpoint),
                    findings.all());
        } catch (CheckpointException e) {
            findings.error("checkpoint", String.valueOf(e.file()), e);
            return new Inspection(directory, Optional.empty(), Optional.empty(), findings.all());
        }
    }

    /// A checkpoint is shown whatever it declares; what is computed from it needs to be understood.
    private static void notUnderstood(CheckpointException problem, FindingList findings, boolean checking) {
        String subject = "quantization";
        if (checking) {
            findings.error("quantization-unknown", subject, problem);
        } else {
            findings.warning(
                    "quantization-unknown",
                    problem.file(),
                    subject,
                    problem.problem() + "; shown from its tensors alone");
        }
    }

    /// An unusable config is a finding of the check; a summary alone shows what it can.
    private static Optional<ModelSummary> model(Checkpoint checkpoint) {
        try {
            return Optional.of(ModelSummary.of(checkpoint));
        } catch (CheckpointException e) {
            return Optional.empty();
        }
    }

    private static void check(Checkpoint checkpoint, StoredModules stored, FindingList findings, int threads) {
        ModelCheck model = new ModelCheck(checkpoint, stored, findings);
        Optional<Decoder> decoder = model.check();
        ValueScan values = new ValueScan(checkpoint, stored, findings, model::reads);
        values.run(threads);
        if (decoder.isPresent()) {
            new DeclaredCheck(checkpoint.quantization(), checkpoint.directory(), findings)
                    .checkShared(model.modules(), values::single);
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
