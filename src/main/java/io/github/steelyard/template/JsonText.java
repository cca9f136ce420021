package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Values as Python's `json.dumps` writes them, which is what transformers' `tojson` does.
final class JsonText {

    private final Budget budget;
    private final String indent;
    private final boolean indented;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean ascii;
    private final boolean sorted;
    private final StringBuilder out = new StringBuilder();

    /// @param indent what each level is moved in by; [Nothing]: all on one line
    /// @param separators between items and after keys; [Nothing]: Python's own
    JsonText(Budget budget, Object indent, Object separators, boolean ascii, boolean sorted) {
        this.budget = budget;
        this.ascii = ascii;
        this.sorted = sorted;
        indented = indent != Nothing.NONE;
        this.indent = switch (indent) {
            case Nothing none -> "";
            case String text -> text;
            default -> Strings.repeat(budget, " ", Math.max(0, Values.integer(indent)));
        };
        List<Object> both =
                separators == Nothing.NONE ? List.of(indented ? "," : ", ", ": ") : Values.items(separators);
        if (both.size() != 2) {
            throw new TemplateException("tojson: separators are two");
        }
        itemSeparator = Values.text(both.get(0), "tojson");
        keySeparator = Values.text(both.get(1), "tojson");
    }

    String of(Object value) {
        write(value, 0);
        return out.toString();
    }

    private void write(Object value, int level) {
        budget.step();
        switch (value) {
            case Nothing none -> out.append("null");
            case Boolean flag -> out.append(flag.booleanValue());
            case Long number -> out.append(number.longValue());
            case BigInteger number -> out.append(number);
            case Double number -> out.append(real(number));
            case String text -> string(text);
            case List<?> list -> items(list, level);
            case Tuple tuple -> items(tuple.items(), level);
            case Map<?, ?> map -> entries(map, level);
            default ->
                throw new TemplateException("tojson: a value of type '%s' is no JSON".formatted(Values.kind(value)));
        }
        budget.text(0);
        if (out.length() > Budget.MOST_CHARACTERS) {
            budget.text(out.length());
        }
    }

    private void items(List<?> list, int level) {
        if (list.isEmpty()) {
            out.append("[]");
            return;
        }
        budget.enter();
        out.append('[');
        for (Iterator<?> each = list.iterator(); each.hasNext(); ) {
            line(level + 1);
            write(each.next(), level + 1);
            out.append(each.hasNext() ? itemSeparator : "");
        }
        line(level);
        out.append(']');
        budget.leave();
    }

    private void entries(Map<?, ?> map, int level) {
        if (map.isEmpty()) {
            out.append("{}");
            return;
        }
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (sorted) {
            entries.sort((a, b) -> new Comparison(budget).order(a.getKey(), b.getKey()));
        }
        budget.enter();
        out.append('{');
        for (Iterator<Map.Entry<?, ?>> each = entries.iterator(); each.hasNext(); ) {
            Map.Entry<?, ?> entry = each.next();
            line(level + 1);
            string(key(entry.getKey()));
            out.append(keySeparator);
            write(entry.getValue(), level + 1);
            out.append(each.hasNext() ? itemSeparator : "");
        }
        line(level);
        out.append('}');
        budget.leave();
    }

    private static String key(Object key) {
        return switch (key) {
            case String text -> text;
            case Nothing none -> "null";
            case Boolean flag -> flag.toString();
            case Long number -> number.toString();
            case Double number -> real(number);
            default -> throw new TemplateException("tojson: keys must be texts, found " + Values.kind(key));
        };
    }

    private void line(int level) {
        if (indented) {
            out.append('\n').repeat(indent, level);
        }
    }

    private static String real(double number) {
        return Double.isNaN(number)
                ? "NaN"
                : Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : Printing.real(number);
    }

    private void string(String text) {
        budget.text(text.length());
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < ' ' || (ascii && c > '~')) {
                        out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
