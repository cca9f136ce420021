package io.github.steelyard.job;

import java.nio.file.Path;
import java.util.List;

/// What a calibration comes to.
///
/// @param run directory of the run: `docs/RUN_DIRECTORY.md` describes its files
/// @param status `complete`, or `already complete` where an earlier process had done it
/// @param sequences sequences of the calibration text that were drawn
/// @param tokens tokens in them
/// @param truncatedTokens tokens that were cut off
/// @param sites quantizer sites that were measured
/// @param drawn one line: how much of the text was drawn, and why no more; empty where all was
/// @param coverage one line: how many tokens the experts saw
/// @param toppedUp experts that were shown tokens which were not sent to them, by module name
/// @param starved experts with too few tokens, by module name
/// @param nonFiniteSites sites that saw NaN or infinite values
/// @param peakResidentBytes largest resident memory of the process, mapped file pages left out
/// @param passed whether it may be exported: no value that is no number, no starved expert that the recipe refuses
public record CalibrationResult(
        Path run,
        String status,
        long sequences,
        long tokens,
        long truncatedTokens,
        int sites,
        String drawn,
        String coverage,
        List<String> toppedUp,
        List<String> starved,
        List<String> nonFiniteSites,
        long peakResidentBytes,
        boolean passed) {

    public CalibrationResult {
        toppedUp = List.copyOf(toppedUp);
        starved = List.copyOf(starved);
        nonFiniteSites = List.copyOf(nonFiniteSites);
    }
}
