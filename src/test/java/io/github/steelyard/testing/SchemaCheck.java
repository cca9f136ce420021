package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Holds a value against a JSON Schema: the words of draft 7 that our schemas use, and no others.
public final class SchemaCheck {

    private static final List<String> KNOWN = List.of(
            "$schema",
            "title",
            "description",
            "definitions",
            "type",
            "enum",
            "const",
            "properties",
            "patternProperties",
            "additionalProperties",
            "required",
            "anyOf",
            "items",
            "minItems",
            "maxItems",
            "$ref",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "pattern");

    private final JsonNode root;
    private final List<String> faults = new ArrayList<>();

    private SchemaCheck(JsonNode root) {
        this.root = root;
    }

    /// Returns what is wrong with a value, nothing if it satisfies the schema.
    public static List<String> faults(JsonNode schema, JsonNode value) {
        SchemaCheck check = new SchemaCheck(schema);
        check.check("", schema, value);
        return check.faults;
    }

    private boolean satisfies(JsonNode schema, JsonNode value) {
        SchemaCheck check = new SchemaCheck(root);
        check.check("", schema, value);
        return check.faults.isEmpty();
    }

    private void check(String at, JsonNode schema, JsonNode value) {
        schema.fieldNames().forEachRemaining(word -> require(KNOWN.contains(word), at, "unknown word " + word));
        if (schema.has("$ref")) {
            check(at, root.at(schema.get("$ref").textValue().substring(1)), value);
            return;
        }
        require(!schema.has("type") || isOfType(schema.get("type"), value), at, "type of " + value);
        require(!schema.has("const") || schema.get("const").equals(value), at, "const, found " + value);
        require(!schema.has("enum") || contains(schema.get("enum"), value), at, "enum, found " + value);
        if (schema.has("anyOf")) {
            boolean any = false;
            for (JsonNode one : schema.get("anyOf")) {
                any |= satisfies(one, value);
            }
            require(any, at, "none of anyOf, found " + value);
        }
        if (value.isNumber()) {
            double number = value.doubleValue();
            require(!schema.has("minimum") || number >= schema.get("minimum").doubleValue(), at, "minimum");
            require(!schema.has("maximum") || number <= schema.get("maximum").doubleValue(), at, "maximum");
            require(
                    !schema.has("exclusiveMinimum")
                            || number > schema.get("exclusiveMinimum").doubleValue(),
                    at,
                    "exclusiveMinimum");
        }
        if (value.isTextual() && schema.has("pattern")) {
            require(
                    Pattern.compile(schema.get("pattern").textValue())
                            .matcher(value.textValue())
                            .find(),
                    at,
                    "pattern");
        }
        if (value.isArray()) {
            require(value.size() >= schema.path("minItems").asInt(0), at, "minItems");
            require(value.size() <= schema.path("maxItems").asInt(Integer.MAX_VALUE), at, "maxItems");
            if (schema.has("items")) {
                value.forEach(item -> check(at + "[]", schema.get("items"), item));
            }
        }
        if (value.isObject()) {
            mapping(at, schema, value);
        }
    }

    private void mapping(String at, JsonNode schema, JsonNode value) {
        schema.path("required").forEach(key -> require(value.has(key.textValue()), at, "misses " + key));
        value.properties().forEach(entry -> {
            String key = entry.getKey();
            JsonNode property = schema.path("properties").get(key);
            for (var pattern : schema.path("patternProperties").properties()) {
                if (Pattern.compile(pattern.getKey()).matcher(key).find()) {
                    property = pattern.getValue();
                }
            }
            JsonNode others = schema.path("additionalProperties");
            if (property != null) {
                check(at + "." + key, property, entry.getValue());
            } else if (others.isObject()) {
                check(at + "." + key, others, entry.getValue());
            } else {
                require(!others.isBoolean() || others.booleanValue(), at, "has unknown " + key);
            }
        });
    }

    private void require(boolean holds, String at, String what) {
        if (!holds) {
            faults.add("%s: %s".formatted(at, what));
        }
    }

    private static boolean isOfType(JsonNode type, JsonNode value) {
        if (type.isArray()) {
            for (JsonNode one : type) {
                if (isOfType(one, value)) {
                    return true;
                }
            }
            return false;
        }
        return switch (type.textValue()) {
            case "null" -> value.isNull();
            case "boolean" -> value.isBoolean();
            case "string" -> value.isTextual();
            case "integer" -> value.isIntegralNumber();
            case "number" -> value.isNumber();
            case "array" -> value.isArray();
            case "object" -> value.isObject();
            default -> throw new IllegalArgumentException("type " + type);
        };
    }

    private static boolean contains(JsonNode values, JsonNode value) {
        for (JsonNode one : values) {
            if (one.equals(value)) {
                return true;
            }
        }
        return false;
    }
}
