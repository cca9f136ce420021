package io.github.steelyard.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a template into text and tags, with the white space removed that transformers has removed: the first line end
/// after a block tag or a comment (`trim_blocks`), blanks before one that stands first on its line (`lstrip_blocks`),
/// and
/// what `-` asks for.
final class Segments {

    private static final Pattern RAW = Pattern.compile("\\{%([-+]?)\\s*raw\\s*(-?)%\\}");
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(-?|\\+)%\\}");

    private final String source;
    private final List<Segment> segments = new ArrayList<>();
    private int at;
    private boolean lineStarts = true;

    private Segments(String source) {
        this.source = source;
    }

    /// @throws TemplateException if a tag does not end, or holds what is no expression
    static List<Segment> of(String template) {
        String lines = template.replace("\r\n", "\n").replace('\r', '\n');
        String source = lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
        Segments segments = new Segments(source);
        segments.read();
        return segments.segments;
    }

    private void read() {
        while (at < source.length()) {
            int tag = nextTag();
            if (tag < 0) {
                text(source.substring(at));
                return;
            }
            String before = source.substring(at, tag);
            boolean prints = source.charAt(tag + 1) == '{';
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            text(stripped(before, sign, prints));
            at = tag;
            if (source.charAt(tag + 1) == '#') {
                comment(tag);
            } else if (!raw(tag)) {
                expression(tag, prints, sign == '-' || sign == '+' ? 3 : 2);
            }
        }
    }

    private int nextTag() {
        for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private String stripped(String before, char sign, boolean prints) {
        if (sign == '-') {
            return stripped(before);
        }
        int line = before.lastIndexOf('\n') + 1;
        boolean first = line > 0 || lineStarts;
        boolean blank = stripped(before.substring(line)).isEmpty();
        return !prints && sign != '+' && first && blank ? before.substring(0, line) : before;
    }

    private void comment(int tag) {
        int end = source.indexOf("#}", tag + 2);
        if (end < 0) {
            throw new TemplateException("a comment does not end").at(line(tag));
        }
        after(end + 2, source.charAt(end - 1), true);
    }

    private boolean raw(int tag) {
        Matcher begin = RAW.matcher(source).region(tag, source.length());
        if (!begin.lookingAt()) {
            return false;
        }
        Matcher end = END_RAW.matcher(source);
        if (!end.find(begin.end())) {
            throw new TemplateException("{% raw %} does not end").at(line(tag));
        }
        after(begin.end(), begin.group(2).equals("-") ? '-' : ' ', false);
        String inside = source.substring(Math.min(at, end.start()), end.start());
        String sign = end.group(1);
        text(stripped(inside, sign.isEmpty() ? ' ' : sign.charAt(0), false));
        after(end.end(), end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
        return true;
    }

    private void expression(int tag, boolean prints, int opening) {
        Tokens tokens = new Tokens(source, tag + opening, line(tag), prints ? "}}" : "%}");
        List<Token> read = tokens.read();
        segments.add(prints ? new Segment.Print(read) : new Segment.Tag(read));
        after(tokens.end(), tokens.closingSign(), !prints);
    }

    /// Goes on behind a tag.
    private void after(int end, char sign, boolean trims) {
        int to = end;
        if (sign == '-') {
            while (to < source.length() && isSpace(source.charAt(to))) {
                to++;
            }
        } else if (trims && sign != '+' && to < source.length() && source.charAt(to) == '\n') {
            to++;
        }
        lineStarts = source.charAt(to - 1) == '\n';
        at = to;
    }

    private static String stripped(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    /// Returns whether Python takes a character for white space; none lies beyond the basic plane.
    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || c == 0x85 || c == 0xA0 || c == 0x2007 || c == 0x202F;
    }

    private void text(String text) {
        if (!text.isEmpty()) {
            segments.add(new Segment.Text(text));
        }
    }

    private int line(int place) {
        return 1
                + (int) source.substring(0, place)
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
    }
}
