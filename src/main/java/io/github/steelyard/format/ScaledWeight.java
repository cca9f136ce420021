package io.github.steelyard.format;

import java.util.Locale;

/// A weight whose rows and columns are multiplied by factors: `value = (w · column) · row`.
///
/// @param weight what is multiplied
/// @param rowFactors a factor for each output feature; none for 1
/// @param columnFactors a factor for each input feature; none for 1
@SuppressWarnings("ArrayRecordComponent") // never compared, and read for each value
public record ScaledWeight(StoredWeight weight, float[] rowFactors, float[] columnFactors) implements StoredWeight {

    /// @throws IllegalArgumentException if there are factors, but not as many as features
    public ScaledWeight {
        require(rowFactors, weight.rows());
        require(columnFactors, weight.columns());
    }

    private static void require(float[] factors, int features) {
        if (factors.length > 0 && factors.length != features) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%d factors for %d features", factors.length, features));
        }
    }

    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int columns() {
        return weight.columns();
    }

    @Override
    public String formatName() {
        return weight.formatName() + " times factors";
    }

    @Override
    public boolean isRowMajor() {
        return weight.isRowMajor();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        weight.decodeRows(fromRow, toRow, target, offset);
        for (int row = fromRow; row < toRow; row++) {
            int at = offset + (row - fromRow) * columns();
            for (int i = 0; i < columnFactors.length; i++) {
                target[at + i] *= columnFactors[i];
            }
            for (int i = 0; rowFactors.length > 0 && i < columns(); i++) {
                target[at + i] *= rowFactors[row];
            }
        }
    }
}
