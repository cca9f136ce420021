package io.github.steelyard.template;

import io.github.steelyard.jinja.Names;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What stands after `is`.
final class Tests {

    private Tests() {}

    @SuppressWarnings("ReferenceEquality") // which is what "sameas" asks
    static boolean holds(Operators operators, String name, Object value, List<Object> arguments) {
        Parameters given = new Parameters(name, arguments, Map.of()).of("other");
        if (Names.COMPARISONS.contains(name)) {
            return operators.compare(name, value, given.required(0, "other"));
        }
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == Nothing.NONE;
            case "boolean" -> value instanceof Boolean;
            case "true" -> value.equals(true);
            case "false" -> value.equals(false);
            case "integer" -> value instanceof Long || value instanceof BigInteger;
            case "float" -> value instanceof Double;
            case "number" -> Values.isNumber(value) || value instanceof BigInteger;
            case "string" -> value instanceof String;
            case "mapping" -> value instanceof Map<?, ?>;
            case "iterable" -> Values.isIterable(value);
            case "sequence" -> Values.isIterable(value);
            case "callable" -> value instanceof Callable;
            case "sameas" -> {
                Object other = given.required(0, "other");
                yield value == other || (value instanceof Boolean && value.equals(other));
            }
            case "odd" -> Values.integer(value) % 2 != 0;
            case "even" -> Values.integer(value) % 2 == 0;
            case "divisibleby" -> Math.floorMod(Values.integer(value), Values.integer(given.required(0, "other"))) == 0;
            case "lower" -> {
                String text = Values.text(value, name);
                yield text.equals(text.toLowerCase(Locale.ROOT)) && !text.equals(text.toUpperCase(Locale.ROOT));
            }
            default -> {
                String text = Values.text(value, name);
                yield text.equals(text.toUpperCase(Locale.ROOT)) && !text.equals(text.toLowerCase(Locale.ROOT));
            }
        };
    }
}
