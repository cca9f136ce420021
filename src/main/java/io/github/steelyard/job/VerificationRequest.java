package io.github.steelyard.job;

import java.nio.file.Path;
import java.util.Optional;

/// What is to be verified.
///
/// @param directory directory of a quantised checkpoint; only read
/// @param source the checkpoint that it was made from, against which the error of each weight is measured; empty: none
/// @param strict whether every warning counts as an error
public record VerificationRequest(Path directory, Optional<Path> source, boolean strict) {

    /// Returns a request for a checkpoint by itself.
    public static VerificationRequest of(Path directory) {
        return new VerificationRequest(directory, Optional.empty(), false);
    }
}
