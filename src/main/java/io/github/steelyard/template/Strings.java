package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Texts as Python sees them: code points, its white space, its indices.
final class Strings {

    private Strings() {}

    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || c == 0x85 || c == 0xA0 || c == 0x2007 || c == 0x202F;
    }

    /// Removes white space, or the characters named, at either end.
    static String strip(String text, Object characters, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && isStripped(text.codePointAt(from), characters)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && from < to && isStripped(text.codePointBefore(to), characters)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static boolean isStripped(int c, Object characters) {
        return characters == Nothing.NONE
                ? isSpace(c)
                : Values.text(characters, "strip").indexOf(c) >= 0;
    }

    static int compare(String left, String right) {
        int[] a = left.codePoints().toArray();
        int[] b = right.codePoints().toArray();
        return Arrays.compare(a, b);
    }

    static String repeat(Budget budget, String text, long times) {
        long count = Math.max(0, times);
        budget.text(text.isEmpty() ? 0 : count > Budget.MOST_CHARACTERS ? Long.MAX_VALUE : count * text.length());
        return text.isEmpty() ? "" : text.repeat((int) count);
    }

    static String replace(Budget budget, String text, String old, String with, long most) {
        budget.text(text.length());
        StringBuilder out = new StringBuilder();
        int at = 0;
        long left = most < 0 ? Long.MAX_VALUE : most;
        if (old.isEmpty()) {
            for (; at < text.length() && left > 0; left--) {
                int next = at + Character.charCount(text.codePointAt(at));
                out.append(with).append(text, at, next);
                at = next;
                budget.text(with.length());
            }
            return out.append(left > 0 ? with : "").append(text.substring(at)).toString();
        }
        for (int next = text.indexOf(old); next >= 0 && left > 0; next = text.indexOf(old, at), left--) {
            out.append(text, at, next).append(with);
            at = next + old.length();
            budget.text(with.length());
            if (out.length() > Budget.MOST_CHARACTERS) {
                budget.text(out.length());
            }
        }
        return out.append(text.substring(at)).toString();
    }

    /// Python's `split` and `rsplit`.
    static List<Object> split(Budget budget, String text, Object separator, long most, boolean fromRight) {
        budget.text(text.length());
        List<Object> parts = new ArrayList<>();
        long left = most < 0 ? Long.MAX_VALUE : most;
        if (separator == Nothing.NONE) {
            return words(budget, text, left, fromRight);
        }
        String by = Values.text(separator, "split");
        if (by.isEmpty()) {
            throw new TemplateException("split: empty separator");
        }
        if (fromRight) {
            int end = text.length();
            for (int at = text.lastIndexOf(by, end - by.length()); at >= 0 && left > 0; left--) {
                parts.addFirst(text.substring(at + by.length(), end));
                end = at;
                at = end < by.length() ? -1 : text.lastIndexOf(by, end - by.length());
                budget.step();
            }
            parts.addFirst(text.substring(0, end));
            return parts;
        }
        int from = 0;
        for (int at = text.indexOf(by); at >= 0 && left > 0; at = text.indexOf(by, from), left--) {
            parts.add(text.substring(from, at));
            from = at + by.length();
            budget.step();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static List<Object> words(Budget budget, String text, long most, boolean fromRight) {
        if (fromRight && most != Long.MAX_VALUE) {
            throw new TemplateException("rsplit: a limit without a separator is not done here");
        }
        List<Object> parts = new ArrayList<>();
        String rest = strip(text, Nothing.NONE, true, false);
        for (long left = most; !rest.isEmpty(); left--) {
            int end = 0;
            while (end < rest.length() && !isSpace(rest.codePointAt(end))) {
                end += Character.charCount(rest.codePointAt(end));
            }
            if (left == 0) {
                parts.add(strip(rest, Nothing.NONE, false, true));
                return parts;
            }
            parts.add(rest.substring(0, end));
            budget.text(rest.length());
            rest = strip(rest.substring(end), Nothing.NONE, true, false);
        }
        return parts;
    }

    static List<Object> lines(Budget budget, String text, boolean keepEnds) {
        budget.text(text.length());
        List<Object> lines = new ArrayList<>();
        int from = 0;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            if ((c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029) {
                int end = c == '\r' && at + 1 < text.length() && text.charAt(at + 1) == '\n' ? at + 2 : at + 1;
                lines.add(text.substring(from, keepEnds ? end : at));
                from = end;
                at = end - 1;
            }
        }
        if (from < text.length()) {
            lines.add(text.substring(from));
        }
        return lines;
    }

    /// Python's `capitalize`: the first letter large, all others small.
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /// Python's `title`: letters after what is no letter large, all others small.
    static String title(String text) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            boolean letter = Character.isLetter(c);
            out.appendCodePoint(letter && !inWord ? Character.toTitleCase(c) : Character.toLowerCase(c));
            inWord = letter;
        }
        return out.toString();
    }

    /// Returns the part between two indices as Python counts them, or of a sequence.
    static Object slice(Budget budget, Object of, Object from, Object to, Object step) {
        List<Object> items = switch (of) {
            case String text -> Values.items(text);
            case List<?> list -> Values.items(list);
            case Tuple tuple -> tuple.items();
            case Undefined undefined -> throw undefined.used();
            default -> throw new TemplateException("a value of type '%s' has no slices".formatted(Values.kind(of)));
        };
        budget.spend(items.size());
        long stride = step == Nothing.NONE ? 1 : Values.integer(step);
        if (stride == 0) {
            throw new TemplateException("a slice of step 0");
        }
        int size = items.size();
        long first = bound(from, stride > 0 ? 0 : size - 1, size, stride);
        long end = bound(to, stride > 0 ? size : -1, size, stride);
        List<Object> part = new ArrayList<>();
        for (long i = first; stride > 0 ? i < end : i > end; i += stride) {
            part.add(items.get((int) i));
        }
        if (of instanceof String) {
            StringBuilder text = new StringBuilder();
            part.forEach(text::append);
            return text.toString();
        }
        return of instanceof Tuple ? new Tuple(part) : part;
    }

    private static long bound(Object index, long otherwise, int size, long stride) {
        if (index == Nothing.NONE) {
            return otherwise;
        }
        long at = Values.integer(index);
        long fromStart = at < 0 ? at + size : at;
        return stride > 0 ? Math.clamp(fromStart, 0, size) : Math.clamp(fromStart, -1, size - 1);
    }
}
