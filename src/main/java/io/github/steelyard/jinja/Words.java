package io.github.steelyard.jinja;

import io.github.steelyard.jinja.Token.Kind;
import java.util.List;

/// The words of one tag, taken one after the other.
abstract sealed class Words permits ExpressionParser {

    private final List<Token> tokens;
    private int at;

    /// @param tokens the words; the last is of kind END
    Words(List<Token> tokens) {
        this.tokens = tokens;
    }

    /// Returns the word after the next.
    Token second() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token peek() {
        return tokens.get(at);
    }

    Token next() {
        Token token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean skip(String word) {
        if (peek().is(word)) {
            next();
            return true;
        }
        return false;
    }

    void expect(String word) {
        if (!skip(word)) {
            throw new TemplateException("expected '%s', found %s".formatted(word, peek().shown()));
        }
    }

    String name() {
        if (peek().kind() != Kind.NAME) {
            throw new TemplateException("expected a name, found %s".formatted(peek().shown()));
        }
        return next().text();
    }

    void end() {
        if (peek().kind() != Kind.END) {
            throw new TemplateException("unexpected %s".formatted(peek().shown()));
        }
    }

    /// Reads what stands up to a closing bracket, with commas between and perhaps one at the end.
    void listed(String closing, Runnable item) {
        for (boolean first = true; !skip(closing); first = false) {
            if (!first) {
                expect(",");
                if (skip(closing)) {
                    return;
                }
            }
            item.run();
        }
    }
}
