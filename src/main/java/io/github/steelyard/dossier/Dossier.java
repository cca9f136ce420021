package io.github.steelyard.dossier;

import io.github.steelyard.files.Finding;
import java.util.List;
import java.util.Locale;

/// Everything on a page: what `….json` beside it holds.
///
/// @param tool this program
/// @param version its version
/// @param runs what was calibrated
/// @param exports what was written
/// @param evaluations what was evaluated
record Dossier(
        String tool,
        String version,
        List<RunSheet> runs,
        List<ExportSheet> exports,
        List<EvaluationSheet> evaluations) {

    Dossier {
        runs = List.copyOf(runs);
        exports = List.copyOf(exports);
        evaluations = List.copyOf(evaluations);
    }

    /// A name and what it stands for.
    record Fact(String name, String value) {}

    /// A warning or an error.
    record Remark(String level, String code, String message) {

        static Remark of(Finding finding) {
            return new Remark(finding.level().name().toLowerCase(Locale.ROOT), finding.code(), finding.message());
        }
    }
}
