package io.github.steelyard.job;

import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;

/// What is to be written in another layout.
///
/// @param checkpoint directory of a quantised checkpoint; only read
/// @param out directory to write: new, empty, or of the same conversion, which is left alone
/// @param to the layout, one of codes
/// @param threads worker threads, 1 to [Compute#MOST_THREADS]; no byte depends on it
public record ConversionRequest(Path checkpoint, Path out, ExportOptions.Format to, int threads) {

    /// @throws IllegalArgumentException if `to` is no layout of codes
    public ConversionRequest {
        if (!to.isCheckpoint() || to.isFakeQuantised()) {
            throw new IllegalArgumentException("no codes can be kept as %s".formatted(to.word()));
        }
    }
}
