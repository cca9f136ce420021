package io.github.steelyard.matrix;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A float32 weight `(rows = output features, columns = input features)` in the layout that one `Gemm` reads fastest.
/// A holder that is filled again and again: its memory grows and never shrinks. Filled by one thread, then read by
/// many. Memory outside the heap is held until [#close].
public final class PackedWeight implements AutoCloseable {

    private @Nullable MatrixProduct product;
    private MatrixProduct.@Nullable Weight content; // made by product
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

        /// @throws IndexOutOfBoundsException if the weight does not have this part
        public Slice {
            Objects.checkFromToIndex(fromRow, toRow, weight.rows);
            Objects.checkFromToIndex(fromColumn, toColumn, weight.columns);
        }

        /// Returns the number of output features.
        public int rows() {
            return toRow - fromRow;
        }

        /// Returns the number of input features.
        public int columns() {
            return toColumn - fromColumn;
        }

        /// Returns the whole weight as the product laid it out.
        ///
        /// @throws IllegalStateException if nothing was packed yet
        public MatrixProduct.Weight content() {
            if (weight.content == null) {
                throw new IllegalStateException("nothing was packed yet");
            }
            return weight.content;
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
        return content == null ? 0 : content.bytes();
    }

    /// Returns a part, for products that need only some output features or some input features.
    ///
    /// @throws IndexOutOfBoundsException if this weight does not have it
    public Slice slice(int fromRow, int toRow, int fromColumn, int toColumn) {
        return new Slice(this, fromRow, toRow, fromColumn, toColumn);
    }

    /// Returns all of it.
    public Slice all() {
        return new Slice(this, 0, rows, 0, columns);
    }

    /// Returns the product that filled it.
    @Nullable
    public MatrixProduct product() {
        return product;
    }

    public void fill(MatrixProduct by, WeightSource source, MatrixProduct.Worker worker) {
        if (!by.equals(product) || content == null) {
            close();
            product = by;
            content = by.newWeight();
        }
        rows = 0;
        columns = 0;
        if (source.rows() > 0 && source.columns() > 0) {
            worker.pack(source, content);
        }
        rows = source.rows();
        columns = source.columns();
    }

    /// Gives back the memory outside the heap; nobody may be reading it.
    @Override
    public void close() {
        if (content != null) {
            content.close();
        }
    }
}
