package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.time.LocalDate;
import java.time.format.TextStyle;
import java.util.Locale;

/// Python's `strftime` of the first moment of a day, in English.
final class Dates {

    private Dates() {}

    static String format(LocalDate day, String form) {
        StringBuilder out = new StringBuilder();
        int i = 0;
        while (i < form.length()) {
            char c = form.charAt(i++);
            if (c != '%') {
                out.append(c);
                continue;
            }
            boolean bare = i < form.length() && form.charAt(i) == '-';
            i += bare ? 1 : 0;
            out.append(part(day, i < form.length() ? form.charAt(i) : ' ', bare));
            i++;
        }
        return out.toString();
    }

    private static String part(LocalDate day, char part, boolean bare) {
        return switch (part) {
            case 'Y' -> Integer.toString(day.getYear());
            case 'y' -> two(day.getYear() % 100, bare);
            case 'm' -> two(day.getMonthValue(), bare);
            case 'd' -> two(day.getDayOfMonth(), bare);
            case 'B' -> day.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' ->
                day.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
            case 'A' -> day.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'a' ->
                day.getDayOfWeek()
                        .getDisplayName(TextStyle.FULL, Locale.ENGLISH)
                        .substring(0, 3);
            case 'j' -> String.format(Locale.ROOT, bare ? "%d" : "%03d", day.getDayOfYear());
            case 'H', 'M', 'S' -> bare ? "0" : "00";
            case 'I' -> "12";
            case 'p' -> "AM";
            case 'F' -> day.toString();
            case 'T' -> "00:00:00";
            case '%' -> "%";
            default -> throw new TemplateException("strftime_now: '%" + part + "' is not done here");
        };
    }

    private static String two(int number, boolean bare) {
        return String.format(Locale.ROOT, bare ? "%d" : "%02d", number);
    }
}
