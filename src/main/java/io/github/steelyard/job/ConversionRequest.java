package io.github.steelyard.job;

import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;

/// What is to be written in another layout.
///
/// @param checkpoint directory of a quantised checkpoint; only read
/// @param out directory to write: new, empty, or of the same conversion, which is left alone
/// @param to the layout, one of a whole checkpoint
/// @param threads worker threads, 1 to [Compute#MOST_THREADS]; no byte depends on it
public record ConversionRequest(Path checkpoint, Path out, ExportOptions.Format to, int threads) {

    /// @throws IllegalArgumentException if `to` is none of a whole checkpoint
    public ConversionRequest {
        if (!to.isCheckpoint()) {
            throw new IllegalArgumentException("no checkpoint is written as %s".formatted(to.word()));
        }
    }
}
