package io.github.steelyard.blueprint;

import java.util.Optional;

/// A yes or no of a model: fixed, or from its config.
///
/// @param key key of the config; empty where it is fixed
/// @param otherwise the fixed answer, or that where the config lacks the key
public record Switch(Optional<String> key, boolean otherwise) {

    /// Returns a fixed answer.
    public static Switch fixed(boolean value) {
        return new Switch(Optional.empty(), value);
    }
}
