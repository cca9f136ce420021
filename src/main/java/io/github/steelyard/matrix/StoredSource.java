package io.github.steelyard.matrix;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/// Weights of a checkpoint that read the same input, one below the other.
public final class StoredSource implements WeightSource {

    // A row distance that is not a multiple of 4096 bytes, or all rows would fall on the same cache lines.
    private static final int STRIDE_PAD = 16;

    private final List<StoredWeight> weights;
    private final Kernels decoder;
    private final RowListener listener;
    private final Workspace workspace;
    private final int rows;
    private final int columns;
    private final int stride;
    private int next;

    /// @throws IllegalArgumentException if the weights differ in their number of columns
    public StoredSource(
            List<? extends StoredWeight> weights, Kernels decoder, RowListener listener, Workspace workspace) {
        this.weights = List.copyOf(weights);
        this.decoder = decoder;
        this.listener = listener;
        this.workspace = workspace;
        this.columns = weights.getFirst().columns();
        int sum = 0;
        boolean rowMajor = true;
        for (StoredWeight weight : weights) {
            if (weight.columns() != columns) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "weights to pack together: expected %d columns, found %d",
                        columns,
                        weight.columns()));
            }
            sum = Math.addExact(sum, weight.rows());
            rowMajor &= weight.isRowMajor();
        }
        this.rows = sum;
        // Where a single row is dear, rows are decoded many at once, which leaves no room between them.
        this.stride = rowMajor ? Math.addExact(columns, STRIDE_PAD) : columns;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public Matrix rows(int from, int to) {
        Objects.checkFromToIndex(from, to, rows);
        if (from < next) {
            throw new IllegalStateException(
                    String.format(Locale.ROOT, "row %d of a weight was asked for after row %d", from, next - 1));
        }
        show(next, from);
        return decode(from, to);
    }

    @Override
    public Optional<Matrix> transposed() {
        return Optional.empty();
    }

    @Override
    public List<StoredWeight> stored() {
        return weights;
    }

    /// Returns other weights of the same extents, or these once more, read from the first row on and seen by nobody.
    public StoredSource unwatched(List<StoredWeight> others) {
        return new StoredSource(others, decoder, RowListener.NONE, workspace);
    }

    /// Shows the rows that nobody asked for.
    public void finish() {
        show(next, rows);
    }

    private void show(int from, int to) {
        for (int row = from; row < to && !listener.equals(RowListener.NONE); row += MatrixProduct.ROW_STEP) {
            decode(row, Math.min(to, row + MatrixProduct.ROW_STEP));
        }
        next = to;
    }

    private Matrix decode(int from, int to) {
        float[] tile = workspace.decoded(Math.multiplyExact(to - from, stride));
        int start = 0;
        for (int i = 0; i < weights.size(); i++) {
            StoredWeight weight = weights.get(i);
            int first = Math.max(from, start);
            int last = Math.min(to, start + weight.rows());
            int step = stride == columns ? Math.max(1, last - first) : 1;
            for (int row = first; row < last; row += step) {
                int at = (row - from) * stride;
                decoder.decode(weight, row - start, row - start + step, tile, at);
                listener.rows(i, new Matrix(tile, at, step, columns, columns));
            }
            start += weight.rows();
        }
        next = to;
        return new Matrix(tile, 0, to - from, columns, stride);
    }
}
