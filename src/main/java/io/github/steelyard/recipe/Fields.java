package io.github.steelyard.recipe;

import io.github.steelyard.recipe.Node.Entry;
import io.github.steelyard.recipe.Node.Mapping;
import io.github.steelyard.recipe.Node.Scalar;
import io.github.steelyard.recipe.Node.ScalarType;
import io.github.steelyard.recipe.Node.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Typed access to the keys of one mapping. Every key asked for is known; [#close] refuses the others.
///
/// A key whose value is null counts as absent, as in ModelOpt.
final class Fields implements AutoCloseable {

    /// At most 18 digits, and no leading zero: YAML 1.1 would read that as octal.
    private static final Pattern DECIMAL = Pattern.compile("[-+]?(0|[1-9](_?[0-9]){0,17})");

    private final String name;
    private final Mapping mapping;
    private final Set<String> known = new TreeSet<>();

    /// @param name dotted path of the mapping for messages; empty for the whole file
    private Fields(String name, Mapping mapping) {
        this.name = name;
        this.mapping = mapping;
    }

    static Fields of(String name, Node node) {
        if (node instanceof Mapping mapping) {
            return new Fields(name, mapping);
        }
        throw new RecipeException(
                node.at(), "%s: expected a mapping, found %s".formatted(name.isEmpty() ? "recipe" : name, node.kind()));
    }

    /// Returns the fields of a mapping without keys, for what is written as its name alone.
    static Fields empty(String name, Position at) {
        return new Fields(name, new Mapping(at, new LinkedHashMap<>()));
    }

    Position at() {
        return mapping.at();
    }

    /// Returns whether the key is written, with or without a value.
    boolean isWritten(String key) {
        known.add(key);
        return mapping.entries().containsKey(key);
    }

    Optional<Node> node(String key) {
        known.add(key);
        Entry entry = mapping.entries().get(key);
        return entry == null || isNull(entry.value()) ? Optional.empty() : Optional.of(entry.value());
    }

    Node required(String key) {
        return node(key)
                .orElseThrow(() -> new RecipeException(
                        mapping.at(),
                        "missing key '%s'; found are %s"
                                .formatted(
                                        path(key),
                                        mapping.entries().isEmpty()
                                                ? "none"
                                                : Text.brief(String.join(
                                                        ", ", mapping.entries().keySet())))));
    }

    Optional<Fields> mapping(String key) {
        return node(key).map(node -> of(path(key), node));
    }

    Optional<String> text(String key) {
        return node(key).map(node -> text(path(key), node));
    }

    Optional<Boolean> flag(String key) {
        return node(key).map(node -> {
            if (node instanceof Scalar scalar && scalar.type() == ScalarType.FLAG) {
                return Set.of("true", "yes", "on").contains(scalar.text().toLowerCase(Locale.ROOT));
            }
            throw wrong(key, node, "true or false");
        });
    }

    /// Returns an integer from `min` to `max`.
    Optional<Long> integer(String key, long min, long max) {
        return node(key).map(node -> {
            long value = integer(path(key), node);
            if (value < min || value > max) {
                throw wrong(key, node, String.format(Locale.ROOT, "an integer from %d to %d", min, max));
            }
            return value;
        });
    }

    Optional<Double> number(String key) {
        return node(key).map(node -> {
            if (node instanceof Scalar scalar && scalar.type() == ScalarType.INTEGER) {
                return (double) integer(path(key), node);
            }
            if (node instanceof Scalar scalar && scalar.type() == ScalarType.NUMBER) {
                return finite(key, scalar);
            }
            throw wrong(key, node, "a number");
        });
    }

    /// Returns a number from `min` to `max`, `otherwise` where none is written.
    double number(String key, double min, double max, double otherwise) {
        double value = number(key).orElse(otherwise);
        if (node(key).isPresent() && !(value >= min && value <= max)) {
            throw wrong(key, required(key), "a number from %s to %s".formatted(min, max));
        }
        return value;
    }

    /// Returns an integer from 1 to `max`, `otherwise` where none is written.
    int count(String key, int max, int otherwise) {
        return integer(key, 1, max).map(Long::intValue).orElse(otherwise);
    }

    /// Returns one of `values` by its name in lower case.
    <E extends Enum<E>> Optional<E> choice(String key, E[] values) {
        return text(key)
                .map(text -> Arrays.stream(values)
                        .filter(value -> value.name().toLowerCase(Locale.ROOT).equals(text))
                        .findFirst()
                        .orElseThrow(() -> wrong(
                                key,
                                required(key),
                                Arrays.stream(values)
                                        .map(value -> value.name().toLowerCase(Locale.ROOT))
                                        .collect(Collectors.joining(" or ")))));
    }

    /// Returns an integer or a list of integers.
    List<Integer> integers(String key) {
        List<Integer> values = new ArrayList<>();
        node(key).ifPresent(node -> {
            for (Node item : node instanceof Sequence list ? list.items() : List.of(node)) {
                long value = integer(path(key), item);
                if (value != (int) value) {
                    throw wrong(key, item, "an integer of 32 bits");
                }
                values.add((int) value);
            }
        });
        return values;
    }

    Set<String> keys() {
        return mapping.entries().keySet();
    }

    /// Returns the keys that have a value, without saying that they are known.
    Set<String> written() {
        Set<String> written = new TreeSet<>(mapping.entries().keySet());
        written.removeIf(
                key -> isNull(Objects.requireNonNull(mapping.entries().get(key)).value()));
        return written;
    }

    /// Returns the dotted path of `key`.
    String path(String key) {
        return name.isEmpty() ? key : name + "." + key;
    }

    RecipeException wrong(String key, Node found, String wanted) {
        return new RecipeException(found.at(), "%s: expected %s, found %s".formatted(path(key), wanted, found.kind()));
    }

    /// Returns the mapping as one line of YAML.
    @Override
    public String toString() {
        return mapping.toString();
    }

    /// @throws RecipeException at the first key that nobody asked for
    @Override
    public void close() {
        mapping.entries().forEach((key, entry) -> {
            if (!known.contains(key)) {
                throw new RecipeException(
                        entry.at(),
                        "unknown key '%s'%s; known are %s"
                                .formatted(
                                        Text.brief(key),
                                        name.isEmpty() ? "" : " in " + name,
                                        String.join(", ", known)));
            }
        });
    }

    static boolean isNull(Node node) {
        return node instanceof Scalar scalar && scalar.type() == ScalarType.NULL;
    }

    static String text(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.TEXT) {
            return scalar.text();
        }
        throw new RecipeException(node.at(), "%s: expected text, found %s".formatted(path, node.kind()));
    }

    static long integer(String path, Node node) {
        if (node instanceof Scalar scalar
                && scalar.type() == ScalarType.INTEGER
                && DECIMAL.matcher(scalar.text()).matches()) {
            return Long.parseLong(scalar.text().replace("_", ""));
        }
        throw new RecipeException(node.at(), "%s: expected a decimal integer, found %s".formatted(path, node.kind()));
    }

    private double finite(String key, Scalar scalar) {
        try {
            double value = Double.parseDouble(scalar.text().replace("_", ""));
            if (Double.isFinite(value)) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw wrong(key, scalar, "a finite decimal number");
        }
        throw wrong(key, scalar, "a finite decimal number");
    }
}
