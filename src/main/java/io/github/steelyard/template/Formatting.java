package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's `'…' % values` and `'…'.format(…)`, in their plain forms.
final class Formatting {

    private static final Pattern PERCENT =
            Pattern.compile("%(?:([sdir%])|(0?)([0-9]{0,2})(?:\\.([0-9]{1,2}))?([fds]))");
    private static final Pattern BRACES = Pattern.compile("\\{\\{|\\}\\}|\\{([^{}]*)\\}|[{}]");

    private final Printing printing;

    Formatting(Printing printing) {
        this.printing = printing;
    }

    String percent(String text, Object values) {
        List<Object> items = values instanceof Tuple tuple ? tuple.items() : List.of(values);
        StringBuilder out = new StringBuilder();
        Matcher matcher = PERCENT.matcher(text);
        int at = 0;
        int used = 0;
        for (int next = text.indexOf('%'); next >= 0; next = text.indexOf('%', at)) {
            out.append(text, at, next);
            if (!matcher.region(next, text.length()).lookingAt()) {
                throw new TemplateException("a form after '%' that is not done here");
            }
            at = matcher.end();
            if ("%".equals(matcher.group(1))) {
                out.append('%');
                continue;
            }
            if (used == items.size()) {
                throw new TemplateException("'%': too few values for the text");
            }
            out.append(one(matcher, items.get(used++)));
        }
        if (used < items.size() && !(values instanceof Map<?, ?>)) {
            throw new TemplateException("'%': too many values for the text");
        }
        return out.append(text.substring(at)).toString();
    }

    private String one(Matcher form, Object value) {
        String kind = form.group(1) != null ? form.group(1) : form.group(5);
        String width = form.group(3) == null ? "" : form.group(3);
        String plain = switch (kind) {
            case "s" -> printing.str(value);
            case "r" -> printing.repr(value);
            case "f" -> {
                double number = Values.number(value).doubleValue();
                int places = form.group(4) == null ? 6 : Integer.parseInt(form.group(4));
                yield new BigDecimal(number)
                        .setScale(places, RoundingMode.HALF_EVEN)
                        .toPlainString();
            }
            default -> Long.toString(Values.number(value).longValue());
        };
        if (width.isEmpty()) {
            return plain;
        }
        boolean zeros = "0".equals(form.group(2)) && !kind.equals("s");
        if (zeros && plain.startsWith("-")) {
            throw new TemplateException("a negative number filled up with zeros is not done here");
        }
        String padded = String.format(Locale.ROOT, "%" + width + "s", plain);
        return zeros ? padded.replace(' ', '0') : padded;
    }

    String format(String text, Parameters given) {
        StringBuilder out = new StringBuilder();
        Matcher matcher = BRACES.matcher(text);
        int at = 0;
        int next = 0;
        while (matcher.find()) {
            out.append(text, at, matcher.start());
            at = matcher.end();
            String field = matcher.group(1);
            if (field == null) {
                if (matcher.group().length() == 1) {
                    throw new TemplateException("format: a single brace");
                }
                out.append(matcher.group().charAt(0));
            } else if (field.isEmpty()) {
                out.append(printing.str(given.required(next++, "")));
            } else if (field.matches("[0-9]{1,3}")) {
                out.append(printing.str(given.required(Integer.parseInt(field), "")));
            } else if (field.matches("[A-Za-z_]\\w*")) {
                out.append(printing.str(given.required(Integer.MAX_VALUE, field)));
            } else {
                throw new TemplateException("format: the field '{%s}' is not done here".formatted(field));
            }
        }
        return out.append(text.substring(at)).toString();
    }
}
