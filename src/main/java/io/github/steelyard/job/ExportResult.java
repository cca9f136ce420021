package io.github.steelyard.job;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What was exported.
///
/// @param directory where
/// @param status `complete`, or `already complete` where an earlier export was the same
/// @param format `modelopt`, `compressed-tensors`, `vllm-fakequant` or `scales`
/// @param files names of the files, in the order in which they were written
/// @param bytes bytes of tensors; 0 where only scales were written
/// @param launch how a program is started that serves it, where that is not plain; empty otherwise
/// @param modules how many modules were treated how: `encoded`, `kept`, `copied`, `replaced`, `decoded`,
///     `fake-quantised`; empty without a checkpoint
public record ExportResult(
        Path directory,
        String status,
        String format,
        List<String> files,
        long bytes,
        Optional<String> launch,
        Map<String, Long> modules) {

    public ExportResult {
        files = List.copyOf(files);
        modules = Collections.unmodifiableMap(new TreeMap<>(modules));
    }
}
