package io.github.steelyard.template;

import java.util.List;

/// Python's tuple.
record Tuple(List<Object> items) {}
