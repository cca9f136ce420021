package io.github.steelyard.template;

/// Python's `None`.
enum Nothing {
    NONE
}
