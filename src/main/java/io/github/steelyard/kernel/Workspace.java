package io.github.steelyard.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Scratch arrays of one worker thread, kept from call to call: they grow and never shrink. Not thread-safe.
///
/// The contents of a returned array are undefined, and asking for the same slot again may replace the array.
/// Slots below [#FIRST_FREE_SLOT] belong to this package; callers number their own from there.
public final class Workspace implements AutoCloseable {

    /// The first slot that callers may use.
    public static final int FIRST_FREE_SLOT = 8;

    static final int EDGE_ROWS_SLOT = 0;
    static final int EDGE_RESULT_SLOT = 1;
    static final int PANEL_SLOT = 2;
    static final int DECODE_SLOT = 3;
    static final int SLICE_SLOT = 4;

    private float[][] floats = new float[16][0];
    private int[][] ints = new int[8][0];
    private final PackedWeight packed = new PackedWeight();
    private @Nullable OneDnnWorker oneDnn;

    /// Returns the float array of `slot`, at least `size` elements long.
    public float[] floats(int slot, int size) {
        if (slot >= floats.length) {
            int old = floats.length;
            floats = Arrays.copyOf(floats, slot + 8);
            Arrays.fill(floats, old, floats.length, new float[0]);
        }
        if (floats[slot].length < size) {
            floats[slot] = new float[0];
            floats[slot] = new float[size];
        }
        return floats[slot];
    }

    /// Returns the int array of `slot`, at least `size` elements long. Int slots are numbered apart from float slots.
    public int[] ints(int slot, int size) {
        if (slot >= ints.length) {
            int old = ints.length;
            ints = Arrays.copyOf(ints, slot + 8);
            Arrays.fill(ints, old, ints.length, new int[0]);
        }
        if (ints[slot].length < size) {
            ints[slot] = new int[0];
            ints[slot] = new int[size];
        }
        return ints[slot];
    }

    /// Returns the packed weight in which [Gemm#multiply] puts its second matrix.
    PackedWeight packed() {
        return packed;
    }

    @Nullable
    OneDnnWorker oneDnn() {
        return oneDnn;
    }

    void oneDnn(OneDnnWorker worker) {
        oneDnn = worker;
    }

    /// Returns the bytes held by all arrays, for the memory budget.
    public long bytes() {
        long elements = 0;
        for (float[] array : floats) {
            elements += array.length;
        }
        for (int[] array : ints) {
            elements += array.length;
        }
        return 4 * elements + packed.bytes() + (oneDnn == null ? 0 : oneDnn.bytes());
    }

    /// Gives back the memory outside the heap.
    @Override
    public void close() {
        packed.close();
    }
}
