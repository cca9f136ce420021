package io.github.steelyard.format;

import java.util.Locale;

/// Rows `firstRow`, `firstRow + step`, … of another weight: a part of a fused tensor.
///
/// @param source the weight that holds the rows
/// @param firstRow the first row
/// @param step the distance between two rows, at least 1
/// @param rows the number of rows
public record RowSelection(StoredWeight source, int firstRow, int step, int rows) implements StoredWeight {

    /// @throws IllegalArgumentException if `source` does not have these rows
    public RowSelection {
        long end = rows == 0 ? firstRow : firstRow + (long) (rows - 1) * step + 1;
        if (firstRow < 0 || step < 1 || rows < 0 || end > source.rows()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%d rows from %d in steps of %d: the weight has %d rows",
                    rows,
                    firstRow,
                    step,
                    source.rows()));
        }
    }

    @Override
    public int columns() {
        return source.columns();
    }

    @Override
    public String formatName() {
        return source.formatName();
    }

    @Override
    public boolean isRowMajor() {
        return source.isRowMajor();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        StoredElements.requireTarget(this, fromRow, toRow, target, offset);
        if (step == 1) {
            source.decodeRows(firstRow + fromRow, firstRow + toRow, target, offset);
            return;
        }
        for (int row = fromRow; row < toRow; row++) {
            int sourceRow = firstRow + row * step;
            source.decodeRows(sourceRow, sourceRow + 1, target, offset + (row - fromRow) * columns());
        }
    }
}
