package io.github.steelyard.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.StringReader;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;

/// A JSON object of a configuration file, read key by key with the type and range that the caller needs. Every
/// complaint names file and key. A key whose value is null counts as absent.
public final class ConfigJson {

    /// Keys under which multimodal models keep the text model, or the part that holds it.
    private static final List<String> TEXT_MODELS =
            List.of("text_config", "llm_config", "language_config", "thinker_config");

    private final Path file;
    private final String prefix; // of the keys in messages: "" or "text_config."
    private final ObjectNode node;

    ConfigJson(Path file, String prefix, ObjectNode node) {
        this.file = file;
        this.prefix = prefix;
        this.node = node;
    }

    /// Reads a file.
    ///
    /// @throws CheckpointException if it is missing, no JSON object, too large or too deep, or repeats a key
    public static ConfigJson read(Path file) {
        return new ConfigJson(file, "", StrictJson.object(file));
    }

    /// Reads a text of our own.
    ///
    /// @param name what messages call it
    /// @throws CheckpointException if it is no JSON object
    public static ConfigJson parse(Path name, String json) {
        return new ConfigJson(name, "", StrictJson.object(name, new StringReader(json)));
    }

    /// Returns the file that this object comes from.
    public Path file() {
        return file;
    }

    /// Returns the keys, sorted; those with the value null are among them.
    public Set<String> keys() {
        Set<String> keys = new TreeSet<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    /// Returns the keys in the order of the file, for rules of which the first that holds counts.
    public List<String> keysInOrder() {
        List<String> keys = new ArrayList<>();
        node.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    /// Returns whether the key says nothing: it is absent, null, false, or an empty text, array or object.
    public boolean isVoid(String key) {
        JsonNode value = node.path(key);
        return !has(key)
                || (value.isBoolean() && !value.booleanValue())
                || (value.isTextual() && value.textValue().isEmpty())
                || (value.isContainerNode() && value.isEmpty());
    }

    /// Returns whether the key has a value other than null.
    public boolean has(String key) {
        return node.hasNonNull(key);
    }

    /// Returns whether the key is there with the value null.
    public boolean isNull(String key) {
        return node.has(key) && node.get(key).isNull();
    }

    /// Returns whether the value is an object.
    public boolean isObject(String key) {
        return node.path(key).isObject();
    }

    /// Returns whether the value is a text.
    public boolean isString(String key) {
        return node.path(key).isTextual();
    }

    /// Returns whether the value is a number.
    public boolean isNumber(String key) {
        return node.path(key).isNumber();
    }

    /// Returns whether the value is an array.
    public boolean isArray(String key) {
        return node.path(key).isArray();
    }

    /// Returns the integer under `key`.
    ///
    /// @throws CheckpointException if it is absent, not an integer, or outside `min..max`
    public int integer(String key, int min, int max) {
        return intOf(key, required(key), min, max);
    }

    /// Returns the integer under `key`, or `absent`.
    ///
    /// @throws CheckpointException if it is there and not an integer, or outside `min..max`
    public int integerOr(String key, int absent, int min, int max) {
        return has(key) ? integer(key, min, max) : absent;
    }

    /// Returns the finite number under `key`.
    ///
    /// @throws CheckpointException if it is absent, not a number, or not finite
    public double number(String key) {
        JsonNode value = required(key);
        double number = numberOf(key, value);
        if (!Double.isFinite(number)) {
            throw wrong(key, "a finite number", value);
        }
        return number;
    }

    /// Returns the finite number under `key`, or `absent`.
    ///
    /// @throws CheckpointException if it is there and not a finite number
    public double numberOr(String key, double absent) {
        return has(key) ? number(key) : absent;
    }

    /// Returns the text under `key`.
    ///
    /// @throws CheckpointException if it is absent or not a text
    public String string(String key) {
        return stringOf(key, required(key));
    }

    /// Returns the path under `key`.
    ///
    /// @throws CheckpointException if it is absent or no path
    public Path fileName(String key) {
        String text = string(key);
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw wrong(key, "a path", required(key));
        }
    }

    /// Returns the text under `key`, or `absent`.
    ///
    /// @throws CheckpointException if it is there and not a text
    public String stringOr(String key, String absent) {
        return has(key) ? string(key) : absent;
    }

    /// Returns the text, number or truth value under `key` as it is written, if there is one.
    ///
    /// @throws CheckpointException if it is an array or an object
    public Optional<String> word(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = node.get(key);
        if (value.isContainerNode()) {
            throw wrong(key, "a single value", value);
        }
        return Optional.of(value.asText());
    }

    /// Returns the truth value under `key`, or `absent`.
    ///
    /// @throws CheckpointException if it is there and neither true nor false
    public boolean flag(String key, boolean absent) {
        if (!has(key)) {
            return absent;
        }
        JsonNode value = node.get(key);
        if (!value.isBoolean()) {
            throw wrong(key, "true or false", value);
        }
        return value.booleanValue();
    }

    /// Returns the object under `key`, if there is one.
    ///
    /// @throws CheckpointException if it is there and not an object
    public Optional<ConfigJson> object(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (node.get(key) instanceof ObjectNode object) {
            return Optional.of(new ConfigJson(file, prefix + key + ".", object));
        }
        throw wrong(key, "an object", node.get(key));
    }

    /// Returns the texts of the array under `key`, none if it is absent.
    ///
    /// @throws CheckpointException if it is there and not an array of texts
    public List<String> strings(String key) {
        return array(key, "an array of texts", value -> stringOf(key, value));
    }

    /// Returns the integers of the array under `key`, none if it is absent.
    ///
    /// @throws CheckpointException if it is there and not an array of 32-bit integers
    public List<Integer> integers(String key) {
        return array(key, "an array of integers", value -> intOf(key, value, Integer.MIN_VALUE, Integer.MAX_VALUE));
    }

    /// Returns the numbers of the array under `key`, none if it is absent. Infinities are allowed here: some published
    /// limits are open ranges.
    ///
    /// @throws CheckpointException if it is there and not an array of numbers, or holds NaN
    public List<Double> numbers(String key) {
        return array(key, "an array of numbers", value -> {
            double number = numberOf(key, value);
            if (Double.isNaN(number)) {
                throw wrong(key, "a number", value);
            }
            return number;
        });
    }

    /// Returns the objects of the array under `key`, none if it is absent.
    ///
    /// @throws CheckpointException if it is there and not an array of objects
    public List<ConfigJson> objects(String key) {
        return array(key, "an array of objects", value -> {
            if (value instanceof ObjectNode object) {
                return new ConfigJson(file, prefix + key + "[].", object);
            }
            throw wrong(key, "an object", value);
        });
    }

    /// Returns the text model's config: of a multimodal model the object inside, at whatever depth its family keeps it.
    public ConfigJson textModel() {
        return TEXT_MODELS.stream()
                .filter(this::isObject)
                .findFirst()
                .flatMap(this::object)
                .map(ConfigJson::textModel)
                .orElse(this);
    }

    /// As [#textModel()], for whoever writes an altered config.
    public static ObjectNode textModelOf(ObjectNode config) {
        for (String key : TEXT_MODELS) {
            if (config.get(key) instanceof ObjectNode inner) {
                return textModelOf(inner);
            }
        }
        return config;
    }

    /// Returns this object, altered; the keys of an object inside another one keep their names in messages.
    public ConfigJson with(Consumer<ObjectNode> edit) {
        ObjectNode altered = node.deepCopy();
        edit.accept(altered);
        return new ConfigJson(file, prefix, altered);
    }

    /// Returns a copy of the whole object, for whoever writes an altered one.
    public ObjectNode copy() {
        return node.deepCopy();
    }

    /// Returns an exception that names this file and `key`: `num_experts: wanted …, found …`.
    ///
    /// @param wanted what the value should have been
    public CheckpointException unsuitable(String key, String wanted) {
        return has(key) ? wrong(key, wanted, node.get(key)) : missing(key, wanted);
    }

    /// Returns the key as messages name it, with the keys of the objects around it.
    public String path(String key) {
        return prefix + key;
    }

    private JsonNode required(String key) {
        if (!has(key)) {
            throw missing(key, "a value");
        }
        return node.get(key);
    }

    private int intOf(String key, JsonNode value, int min, int max) {
        if (!value.isIntegralNumber()) {
            throw wrong(key, "an integer", value);
        }
        if (!value.canConvertToInt() || value.intValue() < min || value.intValue() > max) {
            throw wrong(key, String.format(Locale.ROOT, "an integer in %d..%d", min, max), value);
        }
        return value.intValue();
    }

    private double numberOf(String key, JsonNode value) {
        if (value.path("__float__").isTextual()) { // how transformers writes a value that JSON lacks
            return switch (value.get("__float__").textValue()) {
                case "Infinity" -> Double.POSITIVE_INFINITY;
                case "-Infinity" -> Double.NEGATIVE_INFINITY;
                default -> Double.NaN;
            };
        }
        if (!value.isNumber()) {
            throw wrong(key, "a number", value);
        }
        return value.doubleValue();
    }

    private String stringOf(String key, JsonNode value) {
        if (!value.isTextual()) {
            throw wrong(key, "a text", value);
        }
        return value.textValue();
    }

    private <T> List<T> array(String key, String wanted, Function<JsonNode, T> element) {
        if (!has(key)) {
            return List.of();
        }
        JsonNode value = node.get(key);
        if (!value.isArray()) {
            throw wrong(key, wanted, value);
        }
        List<T> elements = new ArrayList<>(value.size());
        value.forEach(each -> elements.add(element.apply(each)));
        return List.copyOf(elements);
    }

    private CheckpointException missing(String key, String wanted) {
        return new CheckpointException(
                file, "%s: wanted %s, found nothing".formatted(Printable.of(prefix + key), wanted));
    }

    private CheckpointException wrong(String key, String wanted, JsonNode found) {
        String text =
                found.isContainerNode() ? (found.isArray() ? "an array" : "an object") : Printable.of(found.toString());
        return new CheckpointException(
                file, "%s: wanted %s, found %s".formatted(Printable.of(prefix + key), wanted, text));
    }
}
