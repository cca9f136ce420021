package io.github.steelyard.corpus;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One of several parts of the sequences of a text, for one of several machines: consecutive sequences, by their index
/// after seed, packing and limits. The parts are as even as whole sequences allow, none is in two of them, and together
/// they are the whole.
///
/// @param index which part, from 1
/// @param of how many parts there are
public record Shard(int index, int of) {

    /// Most parts that a text may have.
    public static final int MOST = 1 << 16;

    private static final Pattern TEXT = Pattern.compile("([0-9]{1,9})/([0-9]{1,9})");

    /// @throws IllegalArgumentException if there is no such part
    public Shard {
        if (of < 1 || of > MOST || index < 1 || index > of) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "expected I/N with I from 1 to N and N at most %d, found %d/%d", MOST, index, of));
        }
    }

    /// Reads `I/N`.
    ///
    /// @throws IllegalArgumentException if it is none
    public static Shard parse(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("expected I/N, as 3/16, found '%s'".formatted(text));
        }
        return new Shard(Integer.parseInt(parts.group(1)), Integer.parseInt(parts.group(2)));
    }

    /// Returns the first sequence of the part.
    ///
    /// @param sequences how many there are in all
    public int from(int sequences) {
        return (int) ((long) sequences * (index - 1) / of);
    }

    /// Returns the sequence after the last of the part.
    ///
    /// @param sequences how many there are in all
    public int to(int sequences) {
        return (int) ((long) sequences * index / of);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%d/%d", index, of);
    }
}
