package io.github.steelyard.yaml;

import io.github.steelyard.files.Printable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/// A piece of YAML that knows where it stands.
public sealed interface Node {

    /// Where it begins.
    Position at();

    /// What it is, for messages.
    String kind();

    /// The number of nodes in it, itself included; saturates.
    int size();

    /// What a plain scalar stands for under YAML 1.1, as ModelOpt's own reader sees it.
    enum ScalarType {
        NULL("null"),
        FLAG("a boolean"),
        INTEGER("an integer"),
        NUMBER("a number"),
        TEXT("text");

        private final String words;

        ScalarType(String words) {
            this.words = words;
        }
    }

    /// A single value.
    ///
    /// @param at where it stands
    /// @param type what it stands for
    /// @param text the characters, quotes removed
    record Scalar(Position at, ScalarType type, String text) implements Node {
        @Override
        public String kind() {
            return type == ScalarType.NULL ? "nothing" : "%s '%s'".formatted(type.words, Printable.brief(text));
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public String toString() {
            return type == ScalarType.NULL ? "null" : text;
        }
    }

    /// A list.
    ///
    /// @param size of the list and all in it, as [Node#size]
    record Sequence(Position at, List<Node> items, int size) implements Node {
        /// A list of these items.
        public Sequence(Position at, List<Node> items) {
            this(at, List.copyOf(items), sum(items));
        }

        @Override
        public String kind() {
            return "a list";
        }

        @Override
        public String toString() {
            return items.stream().map(Node::toString).collect(Collectors.joining(", ", "[", "]"));
        }
    }

    /// A mapping, in file order.
    ///
    /// @param size of the mapping and all in it, as [Node#size]
    record Mapping(Position at, SequencedMap<String, Entry> entries, int size) implements Node {
        /// A mapping of these entries.
        public Mapping(Position at, SequencedMap<String, Entry> entries) {
            this(
                    at,
                    Collections.unmodifiableSequencedMap(new LinkedHashMap<>(entries)),
                    sum(entries.values().stream().map(Entry::value).toList()));
        }

        @Override
        public String kind() {
            return "a mapping";
        }

        @Override
        public String toString() {
            return entries.entrySet().stream()
                    .map(entry -> entry.getKey() + ": " + entry.getValue().value())
                    .collect(Collectors.joining(", ", "{", "}"));
        }
    }

    /// A key's value.
    ///
    /// @param at where the key stands
    record Entry(Position at, Node value) {}

    private static int sum(List<Node> nodes) {
        long sum = 1;
        for (Node node : nodes) {
            sum += node.size();
        }
        return (int) Math.min(sum, Integer.MAX_VALUE);
    }
}
