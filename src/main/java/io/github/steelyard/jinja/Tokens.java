package io.github.steelyard.jinja;

import io.github.steelyard.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The words of one tag.
final class Tokens {

    private static final Pattern NAME = Pattern.compile("[\\p{L}_][\\p{L}\\p{Nd}_]*");
    private static final Pattern NUMBER =
            Pattern.compile("[0-9](_?[0-9])*(\\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?");
    private static final List<String> OPERATORS = List.of(
            "**", "//", "==", "!=", ">=", "<=", ">", "<", "=", "+", "-", "*", "/", "%", "~", "|", ".", ",", ":", "(",
            ")", "[", "]", "{", "}", ";");

    private final String source;
    private final String closing;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<Character> open = new ArrayDeque<>();
    private int at;
    private int line;
    private char sign = ' ';

    /// @param at where the tag's words begin
    /// @param closing what ends the tag, unless a bracket is open
    Tokens(String source, int at, int line, String closing) {
        this.source = source;
        this.at = at;
        this.line = line;
        this.closing = closing;
    }

    /// Returns the words and an end.
    List<Token> read() {
        int begin = line;
        while (at < source.length()) {
            if (closes()) {
                tokens.add(new Token(Kind.END, "", line));
                return tokens;
            }
            char c = source.charAt(at);
            if (Character.isWhitespace(c)) {
                line += c == '\n' ? 1 : 0;
                at++;
            } else if (c == '"' || c == '\'') {
                string(c);
            } else if (!matched(NAME, Kind.NAME) && !number()) {
                operator();
            }
        }
        throw new TemplateException("a tag does not end").at(begin);
    }

    /// Returns where the template goes on behind the tag.
    int end() {
        return at;
    }

    /// Returns the sign before the closing: `-`, `+` or blank.
    char closingSign() {
        return sign;
    }

    private boolean closes() {
        if (!open.isEmpty()) {
            return false;
        }
        char c = source.charAt(at);
        boolean signed = (c == '-' || (c == '+' && closing.equals("%}"))) && source.startsWith(closing, at + 1);
        if (!signed && !source.startsWith(closing, at)) {
            return false;
        }
        sign = signed ? c : ' ';
        at += closing.length() + (signed ? 1 : 0);
        return true;
    }

    private boolean matched(Pattern pattern, Kind kind) {
        Matcher matcher = pattern.matcher(source).region(at, source.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        tokens.add(new Token(kind, matcher.group(), line));
        at = matcher.end();
        return true;
    }

    private boolean number() {
        Matcher matcher = NUMBER.matcher(source).region(at, source.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        String text = matcher.group().replace("_", "");
        boolean whole = text.chars().allMatch(Character::isDigit);
        if (whole && text.length() > 18) {
            throw new TemplateException("integer of more than 18 digits").at(line);
        }
        tokens.add(new Token(whole ? Kind.INTEGER : Kind.FLOAT, text, line));
        at = matcher.end();
        return true;
    }

    private void operator() {
        String operator = OPERATORS.stream()
                .filter(one -> source.startsWith(one, at))
                .findFirst()
                .orElseThrow(() -> new TemplateException(
                                "unexpected character '%s'".formatted(Character.toString(source.codePointAt(at))))
                        .at(line));
        switch (operator) {
            case "(" -> open.push(')');
            case "[" -> open.push(']');
            case "{" -> open.push('}');
            case ")", "]", "}" -> {
                if (open.isEmpty() || open.pop() != operator.charAt(0)) {
                    throw new TemplateException("unexpected '%s'".formatted(operator)).at(line);
                }
            }
            default -> {
                // no bracket
            }
        }
        tokens.add(new Token(Kind.OPERATOR, operator, line));
        at += operator.length();
    }

    private void string(char quote) {
        StringBuilder text = new StringBuilder();
        int begin = line;
        for (at++; at < source.length() && source.charAt(at) != quote; at++) {
            char c = source.charAt(at);
            line += c == '\n' ? 1 : 0;
            if (c == '\\' && at + 1 < source.length()) {
                at++;
                escape(text);
            } else {
                text.append(c);
            }
        }
        if (at >= source.length()) {
            throw new TemplateException("a string does not end").at(begin);
        }
        at++;
        tokens.add(new Token(Kind.STRING, text.toString(), begin));
    }

    /// Python's escapes.
    private void escape(StringBuilder text) {
        char c = source.charAt(at);
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'a' -> text.append('\u0007');
            case 'v' -> text.append('\u000b');
            case '\\', '\'', '"' -> text.append(c);
            case '\n' -> line++;
            case 'x' -> code(text, 2);
            case 'u' -> code(text, 4);
            case 'U' -> code(text, 8);
            case 'N', '0', '1', '2', '3', '4', '5', '6', '7' ->
                throw new TemplateException("escape '\\%s' is not read".formatted(c)).at(line);
            default -> text.append('\\').append(c);
        }
    }

    private void code(StringBuilder text, int digits) {
        try {
            text.appendCodePoint(Integer.parseInt(source.substring(at + 1, at + 1 + digits), 16));
            at += digits;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new TemplateException("damaged escape in a string").at(line);
        }
    }
}
