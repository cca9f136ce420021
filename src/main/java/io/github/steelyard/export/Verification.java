package io.github.steelyard.export;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

    /// Returns the tree for machines without the findings: `sound`, `formats`, `weight_errors`.
    public Object json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("sound", ok());
        ObjectNode counts = json.putObject("formats");
        formats.forEach(counts::put);
        var measured = json.putArray("weight_errors");
        for (TensorError error : errors) {
            ObjectNode entry = measured.addObject()
                    .put("module", error.module())
                    .put("from", error.from())
                    .put("to", error.to())
                    .put("mse", error.error().mse())
                    .put("max_absolute_error", error.error().maxAbsoluteError());
            double sqnr = error.error().sqnr();
            entry.put("sqnr_db", Double.isFinite(sqnr) ? Double.valueOf(sqnr) : null);
        }
        return json;
    }
}
