package io.github.steelyard.demo;

import io.github.steelyard.job.CalibrationResult;
import io.github.steelyard.job.ExportResult;
import java.util.Optional;

/// What a demonstration came to.
///
/// @param calibration what was measured
/// @param comparison what was written, beside its source; empty where the calibration did not pass
public record DemoResult(CalibrationResult calibration, Optional<Comparison> comparison) {

    /// A checkpoint and its export over the same text.
    ///
    /// @param export what was written
    /// @param sourcePerplexity perplexity of the checkpoint as it is
    /// @param exportedPerplexity perplexity of the export, inputs and cache fake-quantised
    /// @param predictions tokens that each of them predicted
    public record Comparison(
            ExportResult export, double sourcePerplexity, double exportedPerplexity, long predictions) {}
}
