package io.github.steelyard.format;

import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// Row ranges of dense memory.
final class Slices {

    private Slices() {}

    /// Returns the bytes of rows `fromRow` to `toRow`, of which there are `rows`, `rowBytes` bytes each.
    static MemorySegment rows(MemorySegment memory, int rows, long rowBytes, int fromRow, int toRow) {
        if (fromRow < 0 || fromRow > toRow || toRow > rows) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "rows %d to %d of a weight with %d rows", fromRow, toRow, rows));
        }
        return memory.asSlice(fromRow * rowBytes, (toRow - fromRow) * rowBytes);
    }
}
