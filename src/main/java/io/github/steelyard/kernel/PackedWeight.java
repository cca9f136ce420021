package io.github.steelyard.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A float32 weight `(rows = output features, columns = input features)` in the layout that one [Gemm] reads fastest.
/// A holder that is filled again and again: its memory grows and never shrinks. Filled by one thread, then read by
/// many. Memory outside the heap is held until [#close].
public final class PackedWeight implements AutoCloseable {

    private static final int ALIGNMENT = 64;

    private float[] heap = new float[0];
    private @Nullable Arena arena; // of offHeap
    private MemorySegment offHeap = MemorySegment.NULL;
    private Panels panels = Panels.NONE;
    private int rows;
    private int columns;

    /// A part of a packed weight: rows `fromRow .. toRow` of it, and of those the columns `fromColumn .. toColumn`.
    ///
    /// @param weight the whole
    /// @param fromRow first row (output feature); fastest at a multiple of 64
    /// @param toRow end of the rows
    /// @param fromColumn first column (input feature)
    /// @param toColumn end of the columns
    public record Slice(PackedWeight weight, int fromRow, int toRow, int fromColumn, int toColumn) {

        public Slice {
            Objects.checkFromToIndex(fromRow, toRow, weight.rows);
            Objects.checkFromToIndex(fromColumn, toColumn, weight.columns);
        }

        int rows() {
            return toRow - fromRow;
        }

        int columns() {
            return toColumn - fromColumn;
        }
    }

    /// Returns the number of output features.
    public int rows() {
        return rows;
    }

    /// Returns the number of input features.
    public int columns() {
        return columns;
    }

    /// Returns the bytes held, on and off the heap, for the memory budget.
    public long bytes() {
        return 4L * heap.length + offHeap.byteSize();
    }

    /// Returns a part, for products that need only some output features or some input features.
    public Slice slice(int fromRow, int toRow, int fromColumn, int toColumn) {
        return new Slice(this, fromRow, toRow, fromColumn, toColumn);
    }

    Slice all() {
        return new Slice(this, 0, rows, 0, columns);
    }

    Panels panels() {
        return panels;
    }

    /// The panels, where the layout is on the heap.
    float[] heap() {
        return heap;
    }

    /// The panels, where the layout is off the heap.
    MemorySegment offHeap() {
        return offHeap;
    }

    void reset(Panels newPanels, int newRows, int newColumns) {
        long size = newPanels.size(newRows, newColumns);
        if (newPanels.offHeap()) {
            heap = new float[0];
            if (offHeap.byteSize() < 4 * size) {
                close();
                Arena grown = Arena.ofShared();
                arena = grown;
                offHeap = grown.allocate(4 * size, ALIGNMENT);
            }
        } else {
            close();
            if (size > Integer.MAX_VALUE - 8) {
                throw new IllegalArgumentException("packed weight [%d, %d] needs %d floats, an array holds at most %d"
                        .formatted(newRows, newColumns, size, Integer.MAX_VALUE - 8));
            }
            if (heap.length < size) {
                heap = new float[0];
                heap = new float[(int) size];
            }
        }
        panels = newPanels;
        rows = newRows;
        columns = newColumns;
    }

    /// Copies `length` floats to position `index` of an off-heap layout.
    void write(long index, float[] source, int length) {
        MemorySegment.copy(source, 0, offHeap, ValueLayout.JAVA_FLOAT, 4 * index, length);
    }

    /// Gives back the memory outside the heap; nobody may be reading it.
    @Override
    public void close() {
        offHeap = MemorySegment.NULL;
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
