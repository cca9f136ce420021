package io.github.steelyard.blueprint;

import java.util.List;
import java.util.OptionalDouble;

/// A number of a model: fixed, or from its config.
///
/// @param keys keys of the config, whose product it is; none where it is fixed
/// @param otherwise the fixed number, or that where the config lacks a key; empty where it must have them
public record Setting(List<String> keys, OptionalDouble otherwise) {

    public Setting {
        keys = List.copyOf(keys);
    }

    /// Returns a fixed number.
    public static Setting fixed(double value) {
        return new Setting(List.of(), OptionalDouble.of(value));
    }
}
