package io.github.steelyard.schema;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/// What a value may be, as JSON Schema says it. A key may be left without a value wherever it may be left out.
final class Types {

    private Types() {}

    static Map<String, Object> flag() {
        return map("type", orNull("boolean"));
    }

    /// ModelOpt writes a number where it dumps what it has read.
    static Map<String, Object> dumpedFlag() {
        return map("anyOf", List.of(flag(), map("enum", List.of(0, 1))));
    }

    static Map<String, Object> text() {
        return map("type", orNull("string"));
    }

    static Map<String, Object> integer(int least) {
        return map("type", orNull("integer"), "minimum", least);
    }

    static Map<String, Object> number() {
        return map("type", orNull("number"));
    }

    static Map<String, Object> positive() {
        return map("type", orNull("number"), "exclusiveMinimum", 0);
    }

    static Map<String, Object> anyMapping() {
        return map("type", orNull("object"));
    }

    static Map<String, Object> bits() {
        Map<String, Object> bits = new LinkedHashMap<>(positive());
        bits.put("maximum", 16);
        return bits;
    }

    static Map<String, Object> timing() {
        return choice(List.of("static", "dynamic"));
    }

    static Map<String, Object> choice(Enum<?>[] values) {
        return choice(Stream.of(values)
                .map(value -> value.name().toLowerCase(Locale.ROOT))
                .toList());
    }

    static Map<String, Object> choice(Iterable<String> words) {
        List<Object> values = new ArrayList<>();
        words.forEach(values::add);
        return map("anyOf", List.of(map("enum", values), map("type", "null")));
    }

    static Map<String, Object> ref(String definition) {
        return map("$ref", "#/definitions/" + definition);
    }

    static List<String> orNull(String type) {
        return List.of(type, "null");
    }

    /// Returns a map that keeps its order, so that the schema is the same text each time.
    static Map<String, Object> map(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }
}
