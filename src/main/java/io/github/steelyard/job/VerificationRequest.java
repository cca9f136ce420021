package io.github.steelyard.job;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// What is to be verified.
///
/// @param directory directory of a quantised checkpoint; only read
/// @param source the checkpoint that it was made from, against which the error of each weight is measured; empty: none
/// @param servers engines that are asked what they do with it: `vllm`, `vllm@2026-08-17`; see
///     [io.github.steelyard.loader.Loaders#find]
/// @param strict whether every warning counts as an error
public record VerificationRequest(Path directory, Optional<Path> source, List<String> servers, boolean strict) {

    public VerificationRequest {
        servers = List.copyOf(servers);
    }

    /// Returns a request for a checkpoint by itself.
    public static VerificationRequest of(Path directory) {
        return new VerificationRequest(directory, Optional.empty(), List.of(), false);
    }
}
