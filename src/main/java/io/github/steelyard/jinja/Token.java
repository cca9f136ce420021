package io.github.steelyard.jinja;

/// A word of an expression.
///
/// @param kind what it is
/// @param text its text; of a string what it means
/// @param line where it stands, counted from 1
record Token(Kind kind, String text, int line) {

    enum Kind {
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(String operatorOrName) {
        return (kind == Kind.OPERATOR || kind == Kind.NAME) && text.equals(operatorOrName);
    }

    /// Returns the token as messages show it.
    String shown() {
        return kind == Kind.END ? "the end of the tag" : "'" + text + "'";
    }
}
