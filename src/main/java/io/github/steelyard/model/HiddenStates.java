package io.github.steelyard.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/// Rows of float32 values, one for each token of all sequences, outside the Java heap: the residual stream
/// `(tokens, width)` between two blocks.
///
/// Reading and writing different rows from several threads is safe.
public final class HiddenStates {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final MemorySegment values; // (tokens, width), row-major, native byte order
    private final long tokens;
    private final int width;

    /// @throws IllegalArgumentException if `values` is not `tokens * width * 4` bytes long
    public HiddenStates(MemorySegment values, long tokens, int width) {
        if (values.byteSize() != bytes(tokens, width)) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "hidden states of %d tokens of %d: wanted %d bytes, found %d",
                    tokens,
                    width,
                    bytes(tokens, width),
                    values.byteSize()));
        }
        this.values = values;
        this.tokens = tokens;
        this.width = width;
    }

    /// Returns the size in bytes of the states of so many tokens.
    public static long bytes(long tokens, int width) {
        return Math.multiplyExact(Math.multiplyExact(tokens, (long) width), 4L);
    }

    /// Allocates zeroed states that live as long as `arena`.
    public static HiddenStates allocate(Arena arena, long tokens, int width) {
        return new HiddenStates(arena.allocate(bytes(tokens, width), 64), tokens, width);
    }

    /// Returns the number of rows.
    public long tokens() {
        return tokens;
    }

    /// Returns the number of values in a row.
    public int width() {
        return width;
    }

    /// Copies `rows` rows from row `from` on into `target`.
    public void read(long from, int rows, float[] target, int offset) {
        MemorySegment.copy(values, FLOAT, from * width * 4, target, offset, rows * width);
    }

    /// Copies `rows` rows of `source` to row `from` on.
    public void write(long from, int rows, float[] source, int offset) {
        MemorySegment.copy(source, offset, values, FLOAT, from * width * 4, rows * width);
    }

    /// Sets `rows` rows from row `from` on to zero.
    public void clear(long from, int rows) {
        values.asSlice(from * width * 4, (long) rows * width * 4).fill((byte) 0);
    }

    /// Returns the bytes of all rows.
    public MemorySegment segment() {
        return values;
    }
}
