package io.github.steelyard.matrix;

/// What a product does to its target.
public enum Update {
    /// Overwrites it; the old values are not read.
    SET,
    /// Adds to it.
    ADD
}
