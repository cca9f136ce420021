package io.github.steelyard.template;

import java.util.Map;

/// What `namespace(…)` makes: the one value whose attributes a template may set.
///
/// @param attributes its attributes
record Namespace(Map<String, Object> attributes) {}
