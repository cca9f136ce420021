package io.github.steelyard.matrix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// A weight in [Panels] outside the heap, at an address that does not change and begins a cache line: what oneDNN
/// reads, and the aligned tiles of the Vector API where loads across two lines are dear.
public final class NativePanels implements MatrixProduct.Weight {

    private static final int ALIGNMENT = 64;

    private @Nullable Arena arena; // of values
    private MemorySegment values = MemorySegment.NULL;
    private int columns;

    /// Makes room for a weight of `floats` floats with `newColumns` input features.
    public void reset(long floats, int newColumns) {
        if (values.byteSize() < Float.BYTES * floats) {
            close();
            Arena grown = Arena.ofShared();
            arena = grown;
            values = grown.allocate(Float.BYTES * floats, ALIGNMENT);
        }
        columns = newColumns;
    }

    public MemorySegment values() {
        return values;
    }

    public int columns() {
        return columns;
    }

    @Override
    public long bytes() {
        return values.byteSize();
    }

    @Override
    public void close() {
        values = MemorySegment.NULL;
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
