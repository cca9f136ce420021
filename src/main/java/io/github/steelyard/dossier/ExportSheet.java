package io.github.steelyard.dossier;

import io.github.steelyard.dossier.Dossier.Fact;
import io.github.steelyard.dossier.Dossier.Remark;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What is shown of an export.
///
/// @param directory where it lies
/// @param facts what it was made from
/// @param sound whether `verify` finds nothing that prevents use
/// @param formats how many modules are stored in which format
/// @param remarks what `verify` finds
/// @param bytes bytes by kind of module
/// @param before what `bytes` compares with: `source`, or `BF16` where the source is not at hand
/// @param untouched modules that are not quantised, and why
record ExportSheet(
        String directory,
        List<Fact> facts,
        boolean sound,
        SortedMap<String, Long> formats,
        List<Remark> remarks,
        List<Bytes> bytes,
        String before,
        List<Untouched> untouched) {

    ExportSheet {
        facts = List.copyOf(facts);
        formats = Collections.unmodifiableSortedMap(new TreeMap<>(formats));
        remarks = List.copyOf(remarks);
        bytes = List.copyOf(bytes);
        untouched = List.copyOf(untouched);
    }

    /// Bytes of one kind of module.
    ///
    /// @param modules how many there are; 0 for tensors of no module
    /// @param before bytes before
    /// @param after bytes in the export
    record Bytes(String kind, int modules, long before, long after) {}

    /// Modules that were left as they were.
    ///
    /// @param rule the rule that decides so; empty where no run of the same statistics is shown beside
    /// @param kind what they are
    /// @param count how many
    /// @param first the first of them
    record Untouched(Optional<String> rule, String kind, int count, String first) {}
}
