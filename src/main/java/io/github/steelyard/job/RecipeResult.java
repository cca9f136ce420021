package io.github.steelyard.job;

import java.util.Optional;

/// What a recipe came to.
///
/// @param calibration what was measured
/// @param export what was written; empty where the calibration did not pass
public record RecipeResult(CalibrationResult calibration, Optional<ExportResult> export) {}
