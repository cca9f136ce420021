package io.github.steelyard.catalogue;

import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Values;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// What the mappings of a catalogue have beyond other files.
final class Entries {

    private static final String LIKE = "like";

    private Entries() {}

    /// Visits every entry of a mapping of mappings. An entry with `like: OTHER` has from that one what it leaves out.
    static void each(Fields map, BiConsumer<String, Fields> visitor) {
        SequencedMap<String, Node> entries = map.entries();
        entries.forEach((name, node) -> {
            try (Fields entry = Fields.of(map.path(name), completed(node, entries))) {
                visitor.accept(name, entry);
            }
        });
    }

    private static Node completed(Node node, SequencedMap<String, Node> others) {
        Entry like = node instanceof Mapping mapping ? mapping.entries().get(LIKE) : null;
        if (like == null) {
            return node;
        }
        String name = Values.word(LIKE, like.value());
        Node other = others.get(name);
        if (other == null) {
            throw new CatalogueException(node.at(), "like: no entry '%s' here".formatted(name));
        }
        SequencedMap<String, Entry> values = new LinkedHashMap<>(entries(other));
        if (values.containsKey(LIKE)) {
            throw new CatalogueException(node.at(), "like: '%s' is itself like another".formatted(name));
        }
        values.putAll(entries(node));
        values.remove(LIKE);
        return new Mapping(node.at(), values);
    }

    private static SequencedMap<String, Entry> entries(Node node) {
        if (node instanceof Mapping mapping) {
            return mapping.entries();
        }
        throw new CatalogueException(node.at(), "expected a mapping, found " + node.kind());
    }

    /// Returns a word by each name; nothing where nothing is written.
    static SequencedMap<String, String> words(Fields fields, String key) {
        SequencedMap<String, String> words = new LinkedHashMap<>();
        fields.mapping(key)
                .ifPresent(map -> map.entries().keySet().forEach(name -> words.put(name, map.requiredWord(name))));
        return words;
    }

    /// Returns the words of a list by each name; nothing where nothing is written.
    static SequencedMap<String, List<String>> lists(Fields fields, String key) {
        SequencedMap<String, List<String>> lists = new LinkedHashMap<>();
        fields.mapping(key).ifPresent(map -> map.entries().keySet().forEach(name -> lists.put(name, map.words(name))));
        return lists;
    }

    /// Returns what a word of a short list stands for.
    ///
    /// @param meaning throws `IllegalArgumentException` for a word that it does not know
    static <T> T meaning(Fields fields, String key, String word, Function<String, T> meaning) {
        try {
            return meaning.apply(word);
        } catch (IllegalArgumentException e) {
            throw new CatalogueException(fields.at(), "%s: unknown word '%s'".formatted(key, word));
        }
    }
}
