package io.github.steelyard.export;

import io.github.steelyard.audit.Verification;
import io.github.steelyard.files.Finding;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// What an export wrote, or found to be written already.
///
/// @param directory where
/// @param earlier whether an earlier export had written the same, so that nothing was to be done
/// @param files names of the files, in the order of writing
/// @param bytes bytes of all tensors
/// @param modules how many modules were treated how: `encoded`, `kept`, `copied`, `replaced`, `decoded`,
/// `fake-quantised`
/// @param findings what a person should know
/// @param verification what re-reading it found; without errors, or it would not be there
public record ExportResult(
        Path directory,
        boolean earlier,
        List<String> files,
        long bytes,
        Map<String, Long> modules,
        List<Finding> findings,
        Verification verification) {

    public ExportResult {
        files = List.copyOf(files);
        findings = List.copyOf(findings);
    }
}
