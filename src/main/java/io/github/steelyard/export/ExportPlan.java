package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Finding;
import java.util.List;

/// Everything that an export is going to write, decided before the first byte.
///
/// @param modules what becomes of each module
/// @param tensors every tensor, those copied from the source included, in the order of writing
/// @param declaration what servers are told
/// @param findings what a person should know
record ExportPlan(
        List<ModuleExport> modules, List<OutputTensor> tensors, Declaration declaration, List<Finding> findings) {

    ExportPlan {
        modules = List.copyOf(modules);
        tensors = List.copyOf(tensors);
        findings = List.copyOf(findings);
    }
}
