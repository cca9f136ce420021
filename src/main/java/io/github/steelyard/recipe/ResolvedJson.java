package io.github.steelyard.recipe;

import io.github.steelyard.quant.NumBits;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.Sequence;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// A recipe's tree as JSON: imports filled in, comments and layout gone, keys sorted, codes as pairs (`e4m3` =
/// `[4,3]`).
public final class ResolvedJson {

    /// Keys under which a pair of numbers is an element code.
    static final Set<String> CODES = Set.of("num_bits", "scale_bits");

    private final StringBuilder json = new StringBuilder();

    private ResolvedJson() {}

    /// Returns the text of a tree whose imports are filled in.
    public static String of(Node node) {
        ResolvedJson writer = new ResolvedJson();
        writer.write("", node);
        return writer.json.toString();
    }

    /// Returns a text as JSON writes it.
    static String quoted(String text) {
        ResolvedJson writer = new ResolvedJson();
        writer.text(text);
        return writer.json.toString();
    }

    private void write(String key, Node node) {
        switch (node) {
            case Scalar scalar -> scalar(key, scalar);
            case Sequence sequence -> {
                json.append('[');
                Iterator<Node> items = sequence.items().iterator();
                while (items.hasNext()) {
                    write("", items.next());
                    json.append(items.hasNext() ? "," : "");
                }
                json.append(']');
            }
            case Mapping mapping -> {
                json.append('{');
                Iterator<Map.Entry<String, Entry>> entries =
                        new TreeMap<>(mapping.entries()).entrySet().iterator();
                while (entries.hasNext()) {
                    Map.Entry<String, Entry> entry = entries.next();
                    text(entry.getKey());
                    json.append(':');
                    write(entry.getKey(), entry.getValue().value());
                    json.append(entries.hasNext() ? "," : "");
                }
                json.append('}');
            }
        }
    }

    private void scalar(String key, Scalar scalar) {
        String text = scalar.text();
        switch (scalar.type()) {
            case NULL -> json.append("null");
            case FLAG -> json.append(Set.of("true", "yes", "on").contains(text.toLowerCase(Locale.ROOT)));
            case INTEGER, NUMBER -> number(text);
            case TEXT -> {
                if (CODES.contains(key) && NumBits.floating(text).orElse(null) instanceof NumBits.Floating code) {
                    json.append('[')
                            .append(code.exponent())
                            .append(',')
                            .append(code.mantissa())
                            .append(']');
                } else {
                    text(text);
                }
            }
        }
    }

    /// Writes a number in Java's own form, so that `1.0`, `1.00` and `+1.0` come out alike.
    private void number(String text) {
        String plain = text.replace("_", "");
        try {
            json.append(Long.parseLong(plain));
        } catch (NumberFormatException notWhole) {
            try {
                double value = Double.parseDouble(plain);
                // YAML 1.1, as which this is read again, wants the sign of an exponent
                String number = Double.toString(value).replaceFirst("E(?=[0-9])", "E+");
                json.append(Double.isFinite(value) ? number : "\"" + value + "\"");
            } catch (NumberFormatException other) {
                text(text);
            }
        }
    }

    private void text(String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> json.append('\\').append(c);
                default -> {
                    if (c < ' ' || Character.isSurrogate(c)) {
                        json.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        json.append(c);
                    }
                }
            }
        }
        json.append('"');
    }
}
