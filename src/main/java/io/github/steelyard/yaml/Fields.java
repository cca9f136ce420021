package io.github.steelyard.yaml;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Typed access to the keys of one mapping. Every key asked for is known; [#close] refuses the others.
///
/// A key whose value is null counts as absent, as in ModelOpt.
public final class Fields implements AutoCloseable {

    private final String name;
    private final Mapping mapping;
    private final Set<String> known = new TreeSet<>();

    /// @param name dotted path of the mapping for messages; empty for the whole file
    private Fields(String name, Mapping mapping) {
        this.name = name;
        this.mapping = mapping;
    }

    /// Returns the fields of a mapping.
    ///
    /// @param name dotted path of the mapping for messages; empty for the whole file
    /// @throws YamlException if the node is no mapping
    public static Fields of(String name, Node node) {
        if (node instanceof Mapping mapping) {
            return new Fields(name, mapping);
        }
        throw new YamlException(node.at(), prefix(name) + "expected a mapping, found " + node.kind());
    }

    /// Returns the fields of a mapping without keys, for what is written as its name alone.
    public static Fields empty(String name, Position at) {
        return new Fields(name, new Mapping(at, new LinkedHashMap<>()));
    }

    /// Returns where the mapping stands.
    public Position at() {
        return mapping.at();
    }

    /// Returns whether the key is written, with or without a value.
    public boolean isWritten(String key) {
        known.add(key);
        return mapping.entries().containsKey(key);
    }

    /// Returns the value of a key, if it has one.
    public Optional<Node> node(String key) {
        known.add(key);
        Entry entry = mapping.entries().get(key);
        return entry == null || Values.isNull(entry.value()) ? Optional.empty() : Optional.of(entry.value());
    }

    /// Returns the value of a key.
    ///
    /// @throws YamlException if it has none
    public Node required(String key) {
        return node(key)
                .orElseThrow(() -> new YamlException(
                        mapping.at(),
                        "missing key '%s'; found are %s"
                                .formatted(
                                        path(key),
                                        mapping.entries().isEmpty()
                                                ? "none"
                                                : Printable.brief(String.join(
                                                        ", ", mapping.entries().keySet())))));
    }

    /// Returns the fields of a mapping.
    public Optional<Fields> mapping(String key) {
        return node(key).map(node -> of(path(key), node));
    }

    /// Returns a text, quoted or such that it stands for nothing else.
    public Optional<String> text(String key) {
        return node(key).map(node -> Values.text(path(key), node));
    }

    /// Returns the characters of a single value, whatever it stands for.
    public Optional<String> word(String key) {
        return node(key).map(node -> Values.word(path(key), node));
    }

    /// Returns the characters of a single value, whatever it stands for.
    ///
    /// @throws YamlException if the key has none
    public String requiredWord(String key) {
        return Values.word(path(key), required(key));
    }

    /// Returns the words of a list, or of a single value; none where nothing is written.
    public List<String> words(String key) {
        return node(key).map(node -> Values.words(path(key), node)).orElse(List.of());
    }

    /// Returns a boolean.
    public Optional<Boolean> flag(String key) {
        return node(key).map(node -> Values.flag(path(key), node));
    }

    /// Returns an integer from `min` to `max`.
    public Optional<Long> integer(String key, long min, long max) {
        return node(key).map(node -> Values.integer(path(key), node, min, max));
    }

    /// Returns a finite number.
    public Optional<Double> number(String key) {
        return node(key).map(node -> Values.number(path(key), node));
    }

    /// Returns a number from `min` to `max`, `otherwise` where none is written.
    public double number(String key, double min, double max, double otherwise) {
        double value = number(key).orElse(otherwise);
        if (node(key).isPresent() && !(value >= min && value <= max)) {
            throw wrong(key, required(key), "a number from %s to %s".formatted(min, max));
        }
        return value;
    }

    /// Returns an integer from 1 to `max`, `otherwise` where none is written.
    public int count(String key, int max, int otherwise) {
        return integer(key, 1, max).map(Long::intValue).orElse(otherwise);
    }

    /// Returns one of `values` by its name in lower case.
    public <E extends Enum<E>> Optional<E> choice(String key, E[] values) {
        return choice(key, values, value -> value.name().toLowerCase(Locale.ROOT));
    }

    /// Returns one of `values`, each written as its word.
    public <E> Optional<E> choice(String key, E[] values, Function<E, String> word) {
        return text(key)
                .map(text -> Arrays.stream(values)
                        .filter(value -> word.apply(value).equals(text))
                        .findFirst()
                        .orElseThrow(() -> wrong(
                                key,
                                required(key),
                                Arrays.stream(values).map(word).collect(Collectors.joining(" or ")))));
    }

    /// Returns an integer or a list of integers.
    public List<Integer> integers(String key) {
        List<Integer> values = new ArrayList<>();
        node(key).ifPresent(node -> {
            for (Node item : node instanceof Sequence list ? list.items() : List.of(node)) {
                long value = Values.integer(path(key), item);
                if (value != (int) value) {
                    throw wrong(key, item, "an integer of 32 bits");
                }
                values.add((int) value);
            }
        });
        return values;
    }

    /// Returns every entry in file order; all keys count as known.
    public SequencedMap<String, Node> entries() {
        known.addAll(mapping.entries().keySet());
        SequencedMap<String, Node> entries = new LinkedHashMap<>();
        mapping.entries().forEach((key, entry) -> entries.put(key, entry.value()));
        return entries;
    }

    /// Returns what `reader` makes of each mapping of a list; nothing where nothing is written.
    ///
    /// @throws YamlException if a mapping has a key that the reader does not ask for
    public <T> List<T> each(String key, Function<Fields, T> reader) {
        return node(key).map(node -> each(path(key), node, reader)).orElse(List.of());
    }

    /// Returns what `reader` makes of each mapping of a list.
    ///
    /// @param path of the list for messages
    /// @throws YamlException if a mapping has a key that the reader does not ask for
    public static <T> List<T> each(String path, Node node, Function<Fields, T> reader) {
        List<T> all = new ArrayList<>();
        for (Node item : Values.items(path, node)) {
            try (Fields fields = of(path, item)) {
                all.add(reader.apply(fields));
            }
        }
        return List.copyOf(all);
    }

    /// Returns the keys as written, without saying that they are known.
    public Set<String> keys() {
        return mapping.entries().keySet();
    }

    /// Returns the keys that have a value, without saying that they are known.
    public Set<String> written() {
        Set<String> written = new TreeSet<>(mapping.entries().keySet());
        written.removeIf(key ->
                Values.isNull(Objects.requireNonNull(mapping.entries().get(key)).value()));
        return written;
    }

    /// Returns the dotted path of `key`.
    public String path(String key) {
        return name.isEmpty() ? key : name + "." + key;
    }

    /// Returns the complaint that the value of a key is not what was `wanted`.
    public YamlException wrong(String key, Node found, String wanted) {
        return Values.wrong(path(key), found, wanted);
    }

    /// Returns the mapping as one line of YAML.
    @Override
    public String toString() {
        return mapping.toString();
    }

    /// @throws YamlException at the first key that nobody asked for
    @Override
    public void close() {
        mapping.entries().forEach((key, entry) -> {
            if (!known.contains(key)) {
                throw new YamlException(
                        entry.at(),
                        "unknown key '%s'%s; known are %s"
                                .formatted(
                                        Printable.brief(key),
                                        name.isEmpty() ? "" : " in " + name,
                                        String.join(", ", known)));
            }
        });
    }

    private static String prefix(String name) {
        return name.isEmpty() ? "" : name + ": ";
    }
}
