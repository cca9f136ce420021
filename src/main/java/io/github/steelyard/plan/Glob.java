package io.github.steelyard.plan;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/// A shell pattern with the meaning of Python's `fnmatch` on a case-sensitive system, anchored at both ends.
///
/// `*` stands for any characters, dots included, `?` for one, `[abc]`, `[a-z]` and `[!abc]` for one of a set. A `[`
/// without its `]` is an ordinary character; there is no escape except the set, `[*]`. Matching takes time of at most
/// pattern times name.
final class Glob {

    /// One element of a pattern.
    private sealed interface Token {
        record Star() implements Token {}

        record Any() implements Token {}

        record Literal(char character) implements Token {}

        record OneOf(BitSet characters, boolean negated) implements Token {}
    }

    private final List<Token> tokens;

    private Glob(List<Token> tokens) {
        this.tokens = tokens;
    }

    static Glob of(String pattern) {
        List<Token> tokens = new ArrayList<>();
        int at = 0;
        while (at < pattern.length()) {
            char c = pattern.charAt(at);
            int end = c == '[' ? closing(pattern, at) : -1;
            if (end > 0) {
                tokens.add(oneOf(pattern.substring(at + 1, end)));
                at = end + 1;
            } else {
                if (c != '*') {
                    tokens.add(c == '?' ? new Token.Any() : new Token.Literal(c));
                } else if (tokens.isEmpty() || !(tokens.getLast() instanceof Token.Star)) {
                    tokens.add(new Token.Star());
                }
                at++;
            }
        }
        return new Glob(List.copyOf(tokens));
    }

    boolean matches(String name) {
        return matches(name, new Work(Long.MAX_VALUE));
    }

    /// What matching may cost, in characters compared.
    static final class Work {
        private long left;

        Work(long left) {
            this.left = left;
        }

        boolean isSpent() {
            return left < 0;
        }

        void spend(long steps) {
            left -= steps;
        }
    }

    /// Returns whether the pattern says the same of all names that differ in digits alone: it has no digit, and nothing
    /// that stands for a single character.
    boolean ignoresDigits() {
        return tokens.stream().allMatch(token -> switch (token) {
            case Token.Star star -> true;
            case Token.Any any -> false;
            case Token.Literal literal -> !isDigit(literal.character());
            case Token.OneOf set -> false;
        });
    }

    /// Returns a pattern that matches the [#shape] of every name that this one matches, and of others too.
    Glob loosened() {
        List<Token> loose = new ArrayList<>();
        for (Token token : tokens) {
            boolean keeps = token instanceof Token.Literal literal && !isDigit(literal.character());
            if (keeps) {
                loose.add(token);
            } else if (loose.isEmpty() || !(loose.getLast() instanceof Token.Star)) {
                loose.add(new Token.Star());
            }
        }
        return new Glob(List.copyOf(loose));
    }

    /// Returns the name with a zero in place of each run of digits: what names of all layers and experts have in
    /// common.
    static String shape(String name) {
        StringBuilder shape = new StringBuilder(name.length());
        for (int i = 0; i < name.length(); i++) {
            if (!isDigit(name.charAt(i))) {
                shape.append(name.charAt(i));
            } else if (i == 0 || !isDigit(name.charAt(i - 1))) {
                shape.append('0');
            }
        }
        return shape.toString();
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    /// @param work what the comparison is charged to
    boolean matches(String name, Work work) {
        long steps = 0;
        int token = 0;
        int at = 0;
        int star = -1;
        int resume = 0;
        while (at < name.length()) {
            steps++;
            if (token < tokens.size() && tokens.get(token) instanceof Token.Star) {
                star = token++;
                resume = at;
            } else if (token < tokens.size() && accepts(tokens.get(token), name.charAt(at))) {
                token++;
                at++;
            } else if (star >= 0) {
                token = star + 1;
                at = ++resume;
            } else {
                work.spend(steps);
                return false;
            }
        }
        work.spend(steps);
        while (token < tokens.size() && tokens.get(token) instanceof Token.Star) {
            token++;
        }
        return token == tokens.size();
    }

    private static boolean accepts(Token token, char c) {
        return switch (token) {
            case Token.Star star -> false;
            case Token.Any any -> true;
            case Token.Literal literal -> literal.character() == c;
            case Token.OneOf set -> set.characters().get(c) != set.negated();
        };
    }

    /// Returns the index of the `]` that ends the set opened at `open`, -1 if there is none. A `]` that comes first
    /// belongs to the set.
    private static int closing(String pattern, int open) {
        int first = open + 1;
        if (first < pattern.length() && pattern.charAt(first) == '!') {
            first++;
        }
        return pattern.indexOf(']', first + 1);
    }

    private static Token.OneOf oneOf(String body) {
        boolean negated = body.startsWith("!");
        String items = negated ? body.substring(1) : body;
        BitSet characters = new BitSet();
        int at = 0;
        while (at < items.length()) {
            boolean range = at + 2 < items.length() && items.charAt(at + 1) == '-';
            char from = items.charAt(at);
            char to = range ? items.charAt(at + 2) : from;
            if (from <= to) {
                characters.set(from, to + 1);
            }
            at += range ? 3 : 1;
        }
        return new Token.OneOf(characters, negated);
    }
}
