package io.github.steelyard.schema;

import static io.github.steelyard.schema.Types.map;
import static io.github.steelyard.schema.Types.orNull;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A mapping in the making: its keys, and what else holds of them.
final class Shape {

    private static final String AXIS = "^-?[0-9]{1,2}$";

    private final Map<String, Object> keys = new LinkedHashMap<>();

    Shape key(String name, Map<String, Object> type, String description) {
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("description", description);
        described.putAll(type);
        keys.put(name, described);
        return this;
    }

    /// A mapping of these keys and no others.
    Map<String, Object> required(String... names) {
        Map<String, Object> shape = new LinkedHashMap<>();
        shape.put("type", names.length == 0 ? orNull("object") : "object");
        shape.put("properties", keys);
        shape.put("additionalProperties", false);
        if (names.length > 0) {
            shape.put("required", List.of(names));
        }
        return shape;
    }

    /// A mapping into which others may be imported, which may bring the keys that it must have.
    Map<String, Object> importing(String... names) {
        Map<String, Object> name = map("type", List.of("string", "boolean", "integer")); // as YAML 1.1 reads 'off'
        key(
                "$import",
                map("anyOf", List.of(name, map("type", "array", "items", name))),
                "Names of imports that come first; the keys beside them replace theirs.");
        Map<String, Object> shape = required();
        shape.put("type", "object");
        if (names.length > 0) {
            shape.put("anyOf", List.of(map("required", List.of(names)), map("required", List.of("$import"))));
        }
        return shape;
    }

    /// A mapping with keys that are numbers of axes, too.
    Map<String, Object> withAxes(Map<String, Object> type) {
        Map<String, Object> shape = required();
        shape.put("patternProperties", map(AXIS, type));
        return shape;
    }
}
