package io.github.steelyard.oracle;

import java.util.List;
import java.util.SequencedMap;

/// A YAML value that remembers its line, so that every fault found later can name the place.
sealed interface YamlNode {

    /// Returns the line of the value's first token, from 1.
    int line();

    /// Names the kind for messages.
    default String kind() {
        return switch (this) {
            case Text ignored -> "a value";
            case Items ignored -> "a list";
            case Fields ignored -> "a mapping";
        };
    }

    record Text(String value, int line) implements YamlNode {}

    record Items(List<YamlNode> values, int line) implements YamlNode {}

    record Fields(SequencedMap<String, YamlNode> values, int line) implements YamlNode {}
}
