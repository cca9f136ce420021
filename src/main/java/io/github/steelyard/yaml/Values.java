package io.github.steelyard.yaml;

import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/// Typed access to single nodes, each with its dotted path for messages.
public final class Values {

    /// At most 18 digits, and no leading zero: YAML 1.1 would read that as octal.
    private static final Pattern DECIMAL = Pattern.compile("[-+]?(0|[1-9](_?[0-9]){0,17})");

    private Values() {}

    /// Returns whether a node is written as nothing.
    public static boolean isNull(Node node) {
        return node instanceof Scalar scalar && scalar.type() == ScalarType.NULL;
    }

    /// Returns a text.
    ///
    /// @param path of the node for messages
    public static String text(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.TEXT) {
            return scalar.text();
        }
        throw wrong(path, node, "text");
    }

    /// Returns an integer of at most 18 digits.
    ///
    /// @param path of the node for messages
    public static long integer(String path, Node node) {
        if (node instanceof Scalar scalar
                && scalar.type() == ScalarType.INTEGER
                && DECIMAL.matcher(scalar.text()).matches()) {
            return Long.parseLong(scalar.text().replace("_", ""));
        }
        throw wrong(path, node, "a decimal integer");
    }

    /// Returns an integer from `min` to `max`.
    ///
    /// @param path of the node for messages
    public static long integer(String path, Node node, long min, long max) {
        long value = integer(path, node);
        if (value < min || value > max) {
            throw wrong(path, node, String.format(Locale.ROOT, "an integer from %d to %d", min, max));
        }
        return value;
    }

    /// Returns a finite number.
    ///
    /// @param path of the node for messages
    public static double number(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.INTEGER) {
            return integer(path, node);
        }
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.NUMBER) {
            return finite(path, scalar);
        }
        throw wrong(path, node, "a number");
    }

    private static double finite(String path, Scalar scalar) {
        try {
            double value = Double.parseDouble(scalar.text().replace("_", ""));
            if (Double.isFinite(value)) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw wrong(path, scalar, "a finite decimal number");
        }
        throw wrong(path, scalar, "a finite decimal number");
    }

    /// Returns a boolean.
    ///
    /// @param path of the node for messages
    public static boolean flag(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.FLAG) {
            return Set.of("true", "yes", "on").contains(scalar.text().toLowerCase(Locale.ROOT));
        }
        throw wrong(path, node, "true or false");
    }

    /// Returns the characters of a single value, whatever it stands for.
    ///
    /// @param path of the node for messages
    public static String word(String path, Node node) {
        if (node instanceof Scalar scalar && scalar.type() != ScalarType.NULL) {
            return scalar.text();
        }
        throw wrong(path, node, "a value");
    }

    /// Returns the words of a list, or of a single value.
    ///
    /// @param path of the node for messages
    public static List<String> words(String path, Node node) {
        return node instanceof Sequence list
                ? list.items().stream().map(item -> word(path, item)).toList()
                : List.of(word(path, node));
    }

    /// Returns the items of a list.
    ///
    /// @param path of the node for messages
    public static List<Node> items(String path, Node node) {
        if (node instanceof Sequence list) {
            return list.items();
        }
        throw wrong(path, node, "a list");
    }

    public static YamlException wrong(String path, Node found, String wanted) {
        return new YamlException(found.at(), "%s: expected %s, found %s".formatted(path, wanted, found.kind()));
    }
}
