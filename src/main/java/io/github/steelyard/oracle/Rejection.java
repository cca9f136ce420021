package io.github.steelyard.oracle;

import java.util.Optional;

/// A candidate that was not taken.
///
/// @param backend the backend
/// @param experts the expert class; empty when the backend was ruled out before its classes were looked at
/// @param reason why
public record Rejection(String backend, Optional<String> experts, String reason) {

    /// Describes the rejection: `TRITON (TritonExperts): kernel does not support LoRA`.
    public String label() {
        return experts.map(name -> "%s (%s): %s".formatted(backend, name, reason))
                .orElseGet(() -> "%s: %s".formatted(backend, reason));
    }
}
