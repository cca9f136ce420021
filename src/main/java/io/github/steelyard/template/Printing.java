package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Values as text: as Python prints them (`str`, `repr`).
final class Printing {

    private final Budget budget;

    Printing(Budget budget) {
        this.budget = budget;
    }

    String str(Object value) {
        return switch (value) {
            case String text -> text;
            case Undefined undefined -> "";
            default -> repr(value);
        };
    }

    String repr(Object value) {
        budget.enter();
        StringBuilder out = new StringBuilder();
        repr(value, out);
        budget.leave();
        budget.text(out.length());
        return out.toString();
    }

    private void repr(Object value, StringBuilder out) {
        budget.step();
        switch (value) {
            case Nothing none -> out.append("None");
            case Boolean flag -> out.append(flag ? "True" : "False");
            case Long number -> out.append(number.longValue());
            case BigInteger number -> out.append(number);
            case Double number -> out.append(real(number));
            case String text -> quoted(text, out);
            case List<?> list -> listed(list, "[", "]", out);
            case Tuple tuple -> listed(tuple.items(), "(", tuple.items().size() == 1 ? ",)" : ")", out);
            case Map<?, ?> map -> {
                out.append('{');
                String comma = "";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.append(comma).append(repr(entry.getKey())).append(": ").append(repr(entry.getValue()));
                    comma = ", ";
                }
                out.append('}');
            }
            default -> throw new TemplateException("a value of type '%s' is printed".formatted(Values.kind(value)));
        }
    }

    private void listed(List<?> items, String open, String close, StringBuilder out) {
        out.append(open);
        String comma = "";
        for (Object item : items) {
            out.append(comma).append(repr(item));
            comma = ", ";
        }
        out.append(close);
    }

    private static void quoted(String text, StringBuilder out) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        String form = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
                        out.append(String.format(Locale.ROOT, form, c));
                    }
                }
            }
        });
        out.append(quote);
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /// Python's shortest form of a float.
    static String real(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        String digits = decimal.unscaledValue().abs().toString();
        int exponent = digits.length() - decimal.scale() - 1;
        String sign = number < 0 ? "-" : "";
        if (exponent >= 16 || exponent < -4) {
            String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
            return String.format(
                    Locale.ROOT,
                    "%s%s%se%s%02d",
                    sign,
                    digits.charAt(0),
                    fraction,
                    exponent < 0 ? "-" : "+",
                    Math.abs(exponent));
        }
        String plain = decimal.abs().toPlainString();
        return sign + (plain.contains(".") ? plain : plain + ".0");
    }
}
