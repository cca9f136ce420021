package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Finding;
import java.util.ArrayList;
import java.util.List;

/// Collects findings in the order of the checks.
final class Findings {

    private final List<Finding> found = new ArrayList<>();

    /// Adds an error about `subject`; `message` does not repeat it.
    void error(String code, String subject, String message) {
        found.add(Finding.error(code, subject, subject + ": " + message));
    }

    /// Adds a warning about `subject`; `message` does not repeat it.
    void warning(String code, String subject, String message) {
        found.add(Finding.warning(code, subject, subject + ": " + message));
    }

    void addAll(List<Finding> findings) {
        found.addAll(findings);
    }

    List<Finding> list() {
        return List.copyOf(found);
    }
}
