package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What Python says of values: kinds, truth, sequences.
///
/// A value is [Nothing], a `Boolean`, a `Long` or (only to be passed on) a `BigInteger`, a `Double`, a `String`, a
/// `List`, a [Tuple], a `Map`, an [Undefined], a [Namespace] or a [Callable].
final class Values {

    private Values() {}

    static String kind(Object value) {
        return switch (value) {
            case Nothing none -> "NoneType";
            case Boolean flag -> "bool";
            case Long number -> "int";
            case BigInteger number -> "int";
            case Double number -> "float";
            case String text -> "str";
            case List<?> list -> "list";
            case Tuple tuple -> "tuple";
            case Map<?, ?> map -> "dict";
            case Undefined undefined -> "undefined";
            case Namespace namespace -> "namespace";
            default -> "function";
        };
    }

    static boolean truth(Object value) {
        return switch (value) {
            case Nothing none -> false;
            case Boolean flag -> flag;
            case Long number -> number != 0;
            case BigInteger number -> number.signum() != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Tuple tuple -> !tuple.items().isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined undefined -> false;
            default -> true;
        };
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    /// Returns a number that takes part in arithmetic, where true is 1.
    static Number number(Object value) {
        return switch (value) {
            case Boolean flag -> flag ? 1L : 0L;
            case Long number -> number;
            case Double number -> number;
            case BigInteger number -> throw new TemplateException("integer of more than 64 bits in arithmetic");
            case Undefined undefined -> throw undefined.used();
            default -> throw new TemplateException("expected a number, found a value of type '" + kind(value) + "'");
        };
    }

    static long integer(Object value) {
        if (number(value) instanceof Long number) {
            return number;
        }
        throw new TemplateException("expected an integer, found a value of type '" + kind(value) + "'");
    }

    static String text(Object value, String what) {
        if (value instanceof String text) {
            return text;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw new TemplateException("%s: expected a text, found a value of type '%s'".formatted(what, kind(value)));
    }

    static boolean isSequence(Object value) {
        return value instanceof List<?> || value instanceof Tuple;
    }

    /// Returns whether a value can be gone over.
    static boolean isIterable(Object value) {
        return isSequence(value) || value instanceof String || value instanceof Map<?, ?> || value instanceof Undefined;
    }

    /// Returns what a loop over a value goes over.
    @SuppressWarnings("unchecked")
    static List<Object> items(Object value) {
        return switch (value) {
            case List<?> list -> (List<Object>) list; // no value is ever changed
            case Tuple tuple -> tuple.items();
            case Map<?, ?> map -> List.copyOf(map.keySet());
            case String text ->
                new ArrayList<>(text.codePoints().mapToObj(Character::toString).toList());
            case Undefined undefined -> List.of();
            default -> throw new TemplateException("a value of type '%s' cannot be gone over".formatted(kind(value)));
        };
    }

    static long length(Object value) {
        return switch (value) {
            case String text -> text.codePointCount(0, text.length());
            case Map<?, ?> map -> map.size();
            case List<?> list -> list.size();
            case Tuple tuple -> tuple.items().size();
            case Undefined undefined -> 0;
            default -> throw new TemplateException("a value of type '%s' has no length".formatted(kind(value)));
        };
    }

    /// Refuses a key that is no plain value, as Python does lists and mappings; tuples, which it takes, are not done.
    static Object key(Object key) {
        if (isSequence(key) || key instanceof Map<?, ?>) {
            throw new TemplateException("a value of type '%s' as a key".formatted(kind(key)));
        }
        return key;
    }
}
