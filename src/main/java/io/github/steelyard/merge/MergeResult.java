package io.github.steelyard.merge;

import java.nio.file.Path;
import java.util.List;

/// What runs came to together.
///
/// @param run directory of the merged run
/// @param status `complete`, or `already complete` where an earlier process had done it; `measured`, or `already
///     measured`, where the recipe's algorithm solves weights and the calibration goes on in that directory
/// @param runs how many runs were merged
/// @param sequences sequences of the calibration text in all of them
/// @param tokens tokens in these
/// @param sites quantizer sites that were measured
/// @param missing one line: which sequences are missing; empty where none are
/// @param coverage one line: how many tokens the experts saw
/// @param toppedUp experts that were shown tokens which were not sent to them, by module name
/// @param starved experts with too few tokens, by module name
/// @param nonFiniteSites sites that saw NaN or infinite values
/// @param peakResidentBytes largest resident memory of the process, mapped file pages left out
/// @param passed whether it may be exported: no value that is no number, no starved expert that the recipe refuses
public record MergeResult(
        Path run,
        String status,
        int runs,
        long sequences,
        long tokens,
        int sites,
        String missing,
        String coverage,
        List<String> toppedUp,
        List<String> starved,
        List<String> nonFiniteSites,
        long peakResidentBytes,
        boolean passed) {

    public MergeResult {
        toppedUp = List.copyOf(toppedUp);
        starved = List.copyOf(starved);
        nonFiniteSites = List.copyOf(nonFiniteSites);
    }
}
