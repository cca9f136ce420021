package io.github.steelyard.template;

import io.github.steelyard.jinja.Names;
import io.github.steelyard.jinja.TemplateException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What stands after `|`.
final class Filters {

    private final Interpreter machine;
    private final Budget budget;
    private final Printing printing;
    private final SequenceFilters sequences;

    Filters(Interpreter machine, Budget budget) {
        this.machine = machine;
        this.budget = budget;
        printing = new Printing(budget);
        sequences = new SequenceFilters(machine, this, budget);
    }

    Object apply(String name, Object value, List<Object> positional, Map<String, Object> named) {
        Parameters given = new Parameters(name, positional, named);
        if (Names.SEQUENCE_FILTERS.contains(name)) {
            return sequences.apply(name, value, given);
        }
        return Names.TEXT_FILTERS.contains(name) ? ofText(name, value, given) : other(name, value, given);
    }

    private Object other(String name, Object value, Parameters given) {
        return switch (name) {
            case "default" -> {
                given.of("default_value", "boolean");
                boolean missing =
                        value instanceof Undefined || (given.flag(1, "boolean", false) && !Values.truth(value));
                yield missing ? given.get(0, "default_value", "") : value;
            }
            case "length" -> Values.length(value);
            case "abs" -> {
                Number number = Values.number(value);
                yield number instanceof Long whole ? (Object) Math.abs(whole) : (Object) Math.abs(number.doubleValue());
            }
            case "int" -> whole(value, given.of("default"));
            case "float" -> real(value, given.of("default"));
            case "round" -> rounded(value, given.of("precision", "method"));
            default -> machine.attribute(value, given.of("name").text(0, "name"));
        };
    }

    private Object ofText(String name, Object value, Parameters given) {
        if (name.equals("tojson")) {
            given.of("ensure_ascii", "indent", "separators", "sort_keys");
            return new JsonText(
                            budget,
                            given.get(1, "indent"),
                            given.get(2, "separators"),
                            given.flag(0, "ensure_ascii", false),
                            given.flag(3, "sort_keys", false))
                    .of(value);
        }
        if (name.equals("format")) {
            if (!given.named().isEmpty()) {
                throw new TemplateException("filter 'format': named values are not done here");
            }
            return new Formatting(printing).percent(Values.text(value, name), new Tuple(given.positional()));
        }
        String text = printing.str(value);
        budget.text(text.length());
        return switch (name) {
            case "trim" -> Strings.strip(text, given.of("chars").get(0, "chars"), true, true);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> titled(text);
            case "capitalize" -> Strings.capitalize(text);
            case "replace" -> {
                given.of("old", "new", "count");
                yield Strings.replace(
                        budget, text, given.text(0, "old"), given.text(1, "new"), given.integer(2, "count", -1));
            }
            case "indent" -> indented(text, given.of("width", "first", "blank"));
            case "center" -> {
                long width = given.of("width").integer(0, "width", 80);
                long missing = Math.max(0, width - Values.length(text));
                long left = missing / 2 + (missing & width & 1);
                yield Strings.repeat(budget, " ", left) + text + Strings.repeat(budget, " ", missing - left);
            }
            default -> text;
        };
    }

    /// Jinja's `title`: words are what lies between blanks and some signs.
    private static String titled(String text) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean parts = Strings.isSpace(c) || "-([{<".indexOf(c) >= 0;
            out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inWord = !parts;
        }
        return out.toString();
    }

    private String indented(String text, Parameters given) {
        Object width = given.get(0, "width", 4L);
        String by = width instanceof String own ? own : Strings.repeat(budget, " ", Values.integer(width));
        boolean first = given.flag(1, "first", false);
        boolean blank = given.flag(2, "blank", false);
        StringBuilder out = new StringBuilder();
        List<Object> lines = Strings.lines(budget, text + "\n", false);
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            boolean moved = i == 0 ? first : blank || !line.isEmpty();
            out.append(i == 0 ? "" : "\n").append(moved ? by : "").append(line);
            budget.text(by.length());
        }
        return out.toString();
    }

    private static Object whole(Object value, Parameters given) {
        Object otherwise = given.get(0, "default", 0L);
        return switch (value) {
            case Double number -> {
                if (Math.abs(number) >= (double) Long.MAX_VALUE) {
                    throw new TemplateException("int: an integer of more than 64 bits");
                }
                yield number.isNaN() ? otherwise : (Object) number.longValue();
            }
            case String text -> {
                String digits = Strings.strip(text, Nothing.NONE, true, true);
                if (digits.matches("[+-]?[0-9]{1,18}")) {
                    yield Long.parseLong(digits);
                }
                yield digits.matches("[+-]?[0-9]{1,15}\\.[0-9]*")
                        ? (Object) (long) Double.parseDouble(digits)
                        : otherwise;
            }
            default -> Values.isNumber(value) ? Values.number(value) : otherwise;
        };
    }

    private static Object real(Object value, Parameters given) {
        Object otherwise = given.get(0, "default", 0.0);
        if (value instanceof String text) {
            String digits = Strings.strip(text, Nothing.NONE, true, true);
            boolean number = digits.matches("[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?");
            return number ? (Object) Double.parseDouble(digits) : otherwise;
        }
        return Values.isNumber(value) ? (Object) Values.number(value).doubleValue() : otherwise;
    }

    private static Object rounded(Object value, Parameters given) {
        long precision = given.integer(0, "precision", 0);
        if (precision < 0 || precision > 15) {
            throw new TemplateException("round: a precision of 0 to 15");
        }
        double number = Values.number(value).doubleValue();
        double scale = Math.pow(10, (double) precision);
        return switch (Values.text(given.get(1, "method", "common"), "round")) {
            case "common" ->
                new BigDecimal(number)
                        .setScale((int) precision, RoundingMode.HALF_EVEN)
                        .doubleValue();
            case "ceil" -> Math.ceil(number * scale) / scale;
            case "floor" -> Math.floor(number * scale) / scale;
            default -> throw new TemplateException("round: no such method");
        };
    }
}
