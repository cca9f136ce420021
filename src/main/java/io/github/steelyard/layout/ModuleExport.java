package io.github.steelyard.layout;

import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.files.Finding;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What becomes of one module: the tensors to write, and those of the source that they stand for.
///
/// @param module its name
/// @param treatment how it gets there
/// @param format how it is declared, empty for a module that is not quantised
/// @param tensors the tensors to write in place of `replaced`; empty where the source's are copied as they are
/// @param replaced names of the source's tensors that are not copied
/// @param finding what a person should know about it
public record ModuleExport(
        String module,
        Treatment treatment,
        Optional<ModuleFormat> format,
        List<OutputTensors> tensors,
        Set<String> replaced,
        Optional<Finding> finding) {

    /// How a module gets from the source into the export.
    public enum Treatment {
        /// Not quantised, and copied byte by byte.
        COPIED,
        /// Quantised in the source; codes and scales of the weight are taken over byte by byte.
        KEPT,
        /// Encoded anew.
        ENCODED,
        /// Not quantised; another weight than the source's is written.
        REPLACED,
        /// Quantised in the source in a format that cannot be declared; written as BF16.
        DECODED,
        /// Kept or encoded anew, and then decoded: plain values that have been quantised.
        FOLDED
    }

    public ModuleExport {
        tensors = List.copyOf(tensors);
        replaced = Set.copyOf(replaced);
    }

    /// Returns the same with something that a person should know.
    ModuleExport with(Finding remark) {
        return new ModuleExport(module, treatment, format, tensors, replaced, Optional.of(remark));
    }

    static ModuleExport copied(String module) {
        return new ModuleExport(module, Treatment.COPIED, Optional.empty(), List.of(), Set.of(), Optional.empty());
    }
}
