package io.github.steelyard.audit;

import io.github.steelyard.files.Finding;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What re-reading a checkpoint found.
///
/// @param findings errors and warnings, in the order of the checks
/// @param formats how many modules are stored in which format
/// @param errors the error of each weight against the source; empty without a source
public record Verification(List<Finding> findings, SortedMap<String, Long> formats, List<TensorError> errors) {

    public Verification {
        findings = List.copyOf(findings);
        formats = Collections.unmodifiableSortedMap(new TreeMap<>(formats));
        errors = List.copyOf(errors);
    }

    /// Returns whether nothing prevents use.
    public boolean ok() {
        return findings.stream().noneMatch(Finding::isError);
    }

    /// Returns the same with every warning an error.
    public Verification strict() {
        return new Verification(
                findings.stream()
                        .map(finding -> Finding.error(finding.code(), finding.subject(), finding.message()))
                        .toList(),
                formats,
                errors);
    }
}
