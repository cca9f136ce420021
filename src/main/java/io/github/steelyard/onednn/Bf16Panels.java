package io.github.steelyard.onednn;

import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.PackedWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A weight of [Bf16x3Gemm]: bf16 values outside the heap and scales, or, where it is not one of bf16 values, packed by
/// the float32 product.
///
/// The values lie in blocks of input features that share their scales, one block if all do. Each block is a weight in
/// oneDNN's layout `BA16a64b2a`: panels of 64 output features, each `(depth / 2, 64, 2)`. The depth of the last block
/// is rounded up to a multiple of 32; what lies beyond the weight is zero.
final class Bf16Panels implements MatrixProduct.Weight {

    private static final int ALIGNMENT = 64;

    private final PackedWeight float32 = new PackedWeight();
    private @Nullable Arena arena; // of values
    private MemorySegment values = MemorySegment.NULL;
    private float[] scales = new float[0]; // (blocks, rows), or empty
    private boolean isFloat32;
    private int rows;
    private int columns;
    private int block;

    /// Makes room for a weight of bf16 values.
    void reset(int newRows, int newColumns, int newBlock, float[] newScales) {
        float32.close();
        isFloat32 = false;
        rows = newRows;
        columns = newColumns;
        block = newBlock;
        scales = newScales;
        long bytes = Short.BYTES * valuesBefore(Math.ceilDiv(columns, block));
        if (values.byteSize() < bytes) {
            release();
            Arena grown = Arena.ofShared();
            arena = grown;
            values = grown.allocate(bytes, ALIGNMENT);
        }
    }

    /// Returns whether all parts of weights are of bf16 values and take the same rows, split in the same way.
    static boolean areAlike(List<PackedWeight.Slice> parts) {
        PackedWeight.Slice one = parts.getFirst();
        int block = ((Bf16Panels) one.content()).block;
        return parts.stream().allMatch(part -> {
            Bf16Panels panels = (Bf16Panels) part.content();
            return !panels.isFloat32
                    && panels.block == block
                    && part.weight().columns() == one.weight().columns()
                    && part.fromColumn() == one.fromColumn();
        });
    }

    /// Returns where the float32 product packs the weight instead, and forgets the bf16 values.
    PackedWeight asFloat32() {
        release();
        scales = new float[0];
        isFloat32 = true;
        return float32;
    }

    boolean isFloat32() {
        return isFloat32;
    }

    PackedWeight float32() {
        return float32;
    }

    float[] scales() {
        return scales;
    }

    /// Returns where in [#scales] that of output feature `row` in block `index` is.
    int scaleAt(int index, int row) {
        return index * rows + row;
    }

    /// Returns the input features of a block; the last one may have fewer.
    int block() {
        return block;
    }

    /// Returns the input features of block `index`, rounded up.
    int depth(int index) {
        return padded(Math.min(block, columns - index * block));
    }

    /// Returns `count` rounded up to whole steps.
    static int padded(int count) {
        return Math.ceilDiv(count, Bf16Split.STEP) * Bf16Split.STEP;
    }

    /// Returns the values of block `index` from output feature `row` on, a multiple of 64, and from input feature `k`
    /// of the block on, a multiple of 32.
    MemorySegment at(int index, int row, int k) {
        long first = valuesBefore(index) + (long) row * depth(index) + (long) k * Bf16Split.WIDTH;
        return values.asSlice(Short.BYTES * first);
    }

    /// Takes one finished panel of a block.
    ///
    /// @param pairs as [Bf16Split#narrow] wrote them
    void put(int index, int row, int[] pairs) {
        int words = depth(index) / 2 * Bf16Split.WIDTH;
        MemorySegment.copy(pairs, 0, at(index, row, 0), ValueLayout.JAVA_INT, 0, words);
    }

    private long valuesBefore(int index) {
        long wide = (long) Math.ceilDiv(rows, Bf16Split.WIDTH) * Bf16Split.WIDTH;
        return wide * padded(Math.min(columns, index * block));
    }

    @Override
    public long bytes() {
        return values.byteSize() + (long) Float.BYTES * scales.length + float32.bytes();
    }

    @Override
    public void close() {
        release();
        float32.close();
    }

    private void release() {
        values = MemorySegment.NULL;
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
