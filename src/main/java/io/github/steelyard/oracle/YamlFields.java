package io.github.steelyard.oracle;

import io.github.steelyard.oracle.YamlNode.Fields;
import io.github.steelyard.oracle.YamlNode.Items;
import io.github.steelyard.oracle.YamlNode.Text;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.function.BiConsumer;
import java.util.function.Function;

/// A mapping read strictly: typed values by key, and [#end()] refuses every key that nobody asked for.
final class YamlFields {

    private static final String LIKE = "like";

    private final String file;
    private final Fields fields;
    private final SequencedSet<String> known = new LinkedHashSet<>();

    private YamlFields(String file, Fields fields) {
        this.file = file;
        this.fields = fields;
    }

    static YamlFields of(String file, YamlNode node) {
        if (node instanceof Fields fields) {
            return new YamlFields(file, fields);
        }
        throw new CatalogueException(file, node.line(), "expected a mapping, found " + node.kind());
    }

    String file() {
        return file;
    }

    int line() {
        return fields.line();
    }

    /// Returns every entry in file order; all keys count as known.
    SequencedMap<String, YamlNode> entries() {
        known.addAll(fields.values().keySet());
        return fields.values();
    }

    /// Visits every entry of a mapping of mappings. An entry with `like: OTHER` has from that one what it leaves out.
    void eachEntry(BiConsumer<String, YamlFields> visitor) {
        entries().forEach((name, node) -> visitor.accept(name, completed(of(file, node))));
    }

    private YamlFields completed(YamlFields entry) {
        Optional<String> like = entry.optionalText(LIKE);
        if (like.isEmpty()) {
            return entry;
        }
        Optional<YamlNode> other = find(like.get());
        if (other.isEmpty()) {
            throw fault(entry.line(), "like: no entry '%s' here".formatted(like.get()));
        }
        YamlFields model = of(file, other.get());
        if (model.find(LIKE).isPresent()) {
            throw fault(entry.line(), "like: '%s' is itself like another".formatted(like.get()));
        }
        SequencedMap<String, YamlNode> values = new LinkedHashMap<>(model.fields.values());
        values.putAll(entry.fields.values());
        values.remove(LIKE);
        return new YamlFields(file, new Fields(values, entry.line()));
    }

    Optional<YamlNode> find(String key) {
        known.add(key);
        return Optional.ofNullable(fields.values().get(key));
    }

    YamlNode node(String key) {
        return find(key).orElseThrow(() -> fault(line(), "key '%s' is missing".formatted(key)));
    }

    String text(String key) {
        return textOf(file, node(key));
    }

    Optional<String> optionalText(String key) {
        return find(key).map(node -> textOf(file, node));
    }

    boolean flag(String key, boolean otherwise) {
        return find(key).map(node -> flagOf(file, node)).orElse(otherwise);
    }

    int integer(String key) {
        return integerOf(file, node(key));
    }

    /// Returns the texts of a list, or of a single value; empty when the key is absent.
    List<String> texts(String key) {
        return find(key).map(node -> textsOf(file, node)).orElse(List.of());
    }

    Optional<YamlFields> optionalFields(String key) {
        return find(key).map(node -> of(file, node));
    }

    /// Returns one value per item of a list of mappings; empty when the key is absent.
    <T> List<T> each(String key, Function<YamlFields, T> reader) {
        return find(key).map(node -> eachOf(file, node, reader)).orElse(List.of());
    }

    SequencedMap<String, String> textMap(String key) {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        optionalFields(key).ifPresent(map -> map.entries().forEach((k, v) -> texts.put(k, textOf(file, v))));
        return texts;
    }

    SequencedMap<String, List<String>> textListMap(String key) {
        SequencedMap<String, List<String>> lists = new LinkedHashMap<>();
        optionalFields(key).ifPresent(map -> map.entries().forEach((k, v) -> lists.put(k, textsOf(file, v))));
        return lists;
    }

    /// Returns what a word of a short list stands for.
    ///
    /// @param meaning throws `IllegalArgumentException` for a word that it does not know
    <T> T word(String key, String word, Function<String, T> meaning) {
        try {
            return meaning.apply(word);
        } catch (IllegalArgumentException e) {
            throw fault(line(), "%s: unknown word '%s'".formatted(key, word));
        }
    }

    /// @throws CatalogueException if the mapping has a key that no call asked for
    void end() {
        for (Map.Entry<String, YamlNode> entry : fields.values().entrySet()) {
            if (!known.contains(entry.getKey())) {
                throw fault(
                        entry.getValue().line(),
                        "unknown key '%s'; expected one of %s".formatted(entry.getKey(), known));
            }
        }
    }

    CatalogueException fault(int line, String message) {
        return new CatalogueException(file, line, message);
    }

    static <T> List<T> eachOf(String file, YamlNode node, Function<YamlFields, T> reader) {
        if (node instanceof Items items) {
            return items.values().stream()
                    .map(item -> reader.apply(of(file, item)))
                    .toList();
        }
        throw new CatalogueException(file, node.line(), "expected a list, found " + node.kind());
    }

    static String textOf(String file, YamlNode node) {
        if (node instanceof Text text) {
            return text.value();
        }
        throw new CatalogueException(file, node.line(), "expected a value, found " + node.kind());
    }

    static List<String> textsOf(String file, YamlNode node) {
        return node instanceof Items items
                ? items.values().stream().map(item -> textOf(file, item)).toList()
                : List.of(textOf(file, node));
    }

    static boolean flagOf(String file, YamlNode node) {
        return switch (textOf(file, node)) {
            case "true" -> true;
            case "false" -> false;
            case String other ->
                throw new CatalogueException(file, node.line(), "expected true or false, found '%s'".formatted(other));
        };
    }

    static int integerOf(String file, YamlNode node) {
        String text = textOf(file, node);
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new CatalogueException(file, node.line(), "expected an integer, found '%s'".formatted(text));
        }
    }
}
