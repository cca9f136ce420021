package io.github.steelyard.corpus;

import java.util.Arrays;

/// A document, or a part of one that is cut.
final class Document {

    private final int[] ids;
    private final int tokens;
    private final int file;
    private final boolean text;
    private final int number;

    /// @param ids what is kept
    /// @param tokens its length before what cannot be used was cut off
    /// @param file which file it is of
    /// @param text whether it is to be cut into sequences
    /// @param number which document it is, or is a part of; whatever until it is drawn
    Document(int[] ids, int tokens, int file, boolean text, int number) {
        this.ids = ids;
        this.tokens = tokens;
        this.file = file;
        this.text = text;
        this.number = number;
    }

    int[] ids() {
        return ids;
    }

    int tokens() {
        return tokens;
    }

    int file() {
        return file;
    }

    boolean isText() {
        return text;
    }

    int number() {
        return number;
    }

    Document numbered(int other) {
        return new Document(ids, tokens, file, text, other);
    }

    /// Returns the part from token `from` on, of at most so many.
    Document part(int from, int most) {
        int[] part = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + most));
        return new Document(part, part.length, file, text, number);
    }
}
