package io.github.steelyard.matrix;

import io.github.steelyard.kernel.Kernels;
import java.util.Locale;

/// A weight in [Panels] on the heap.
public final class HeapPanels implements MatrixProduct.Weight, Panels.Target {

    private static final int LONGEST = Integer.MAX_VALUE - 8;

    private final Panels layout;
    private float[] values = new float[0];
    private int columns;

    public HeapPanels(Panels layout) {
        this.layout = layout;
    }

    public void pack(WeightSource source, Kernels kernels) {
        long size = layout.size(source.rows(), source.columns());
        if (size > LONGEST) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "packed weight [%d, %d] needs %d floats, an array holds at most %d",
                    source.rows(),
                    source.columns(),
                    size,
                    LONGEST));
        }
        if (values.length < size) {
            values = new float[0]; // so that the old and the new one need not fit together
            values = new float[(int) size];
        }
        columns = source.columns();
        layout.pack(source, this, kernels);
    }

    public float[] values() {
        return values;
    }

    /// Returns where input feature `column` of the panel that starts with output feature `row` lies.
    public int at(int row, int column) {
        return (int) layout.start(row, columns) + column * layout.width();
    }

    @Override
    public float[] array(long start, int length) {
        return values;
    }

    @Override
    public int at(long start) {
        return (int) start;
    }

    @Override
    public long bytes() {
        return 4L * values.length;
    }

    @Override
    public void close() {
        // Nothing lies outside the heap.
    }
}
