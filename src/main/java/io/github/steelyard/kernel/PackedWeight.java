package io.github.steelyard.kernel;

/// A float32 weight `(rows = output features, columns = input features)` in the layout that one [Gemm] reads fastest.
/// A holder that is filled again and again: its array grows and never shrinks. Filled by one thread, then read by many.
public final class PackedWeight {

    private float[] data = new float[0];
    private String layout = "empty";
    private int rows;
    private int columns;

    /// Returns the number of output features.
    public int rows() {
        return rows;
    }

    /// Returns the number of input features.
    public int columns() {
        return columns;
    }

    /// Returns the bytes held, for the memory budget.
    public long bytes() {
        return 4L * data.length;
    }

    String layout() {
        return layout;
    }

    float[] data() {
        return data;
    }

    float[] reset(String newLayout, int newRows, int newColumns, long size) {
        if (size > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("packed weight [%d, %d] needs %d floats, an array holds at most %d"
                    .formatted(newRows, newColumns, size, Integer.MAX_VALUE - 8));
        }
        if (data.length < size) {
            data = new float[0];
            data = new float[(int) size];
        }
        layout = newLayout;
        rows = newRows;
        columns = newColumns;
        return data;
    }
}
