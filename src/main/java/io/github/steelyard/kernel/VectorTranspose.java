package io.github.steelyard.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// Transposes matrices by blocks of 8 x 8 in registers: three rounds that swap the off-diagonal parts of 2 x 2, 4 x 4
/// and 8 x 8 blocks.
final class VectorTranspose {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;
    private static final int SIDE = 8;

    private static final VectorShuffle<Float> BY_1 = VectorShuffle.fromOp(SPECIES, i -> i ^ 1);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.fromOp(SPECIES, i -> i ^ 2);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.fromOp(SPECIES, i -> i ^ 4);
    private static final VectorMask<Float> ODD = VectorMask.fromLong(SPECIES, 0b1010_1010);
    private static final VectorMask<Float> ODD_PAIRS = VectorMask.fromLong(SPECIES, 0b1100_1100);
    private static final VectorMask<Float> UPPER = VectorMask.fromLong(SPECIES, 0b1111_0000);

    private VectorTranspose() {}

    static void transpose(float[] x, int xOffset, int ldx, int rows, int columns, float[] y, int yOffset, int ldy) {
        int wholeRows = rows - rows % SIDE;
        int wholeColumns = columns - columns % SIDE;
        for (int column = 0; column < wholeColumns; column += SIDE) {
            for (int row = 0; row < wholeRows; row += SIDE) {
                block(x, xOffset + row * ldx + column, ldx, y, yOffset + column * ldy + row, ldy);
            }
        }
        copy(x, xOffset, ldx, 0, rows, wholeColumns, columns, y, yOffset, ldy);
        copy(x, xOffset, ldx, wholeRows, rows, 0, wholeColumns, y, yOffset, ldy);
    }

    private static void copy(
            float[] x,
            int xOffset,
            int ldx,
            int fromRow,
            int toRow,
            int fromColumn,
            int toColumn,
            float[] y,
            int yOffset,
            int ldy) {
        for (int row = fromRow; row < toRow; row++) {
            for (int column = fromColumn; column < toColumn; column++) {
                y[yOffset + column * ldy + row] = x[xOffset + row * ldx + column];
            }
        }
    }

    private static void block(float[] x, int at, int ldx, float[] y, int yAt, int ldy) {
        FloatVector a0 = FloatVector.fromArray(SPECIES, x, at);
        FloatVector a1 = FloatVector.fromArray(SPECIES, x, at + ldx);
        FloatVector a2 = FloatVector.fromArray(SPECIES, x, at + 2 * ldx);
        FloatVector a3 = FloatVector.fromArray(SPECIES, x, at + 3 * ldx);
        FloatVector a4 = FloatVector.fromArray(SPECIES, x, at + 4 * ldx);
        FloatVector a5 = FloatVector.fromArray(SPECIES, x, at + 5 * ldx);
        FloatVector a6 = FloatVector.fromArray(SPECIES, x, at + 6 * ldx);
        FloatVector a7 = FloatVector.fromArray(SPECIES, x, at + 7 * ldx);
        FloatVector b0 = a0.blend(a1.rearrange(BY_1), ODD);
        FloatVector b1 = a0.rearrange(BY_1).blend(a1, ODD);
        FloatVector b2 = a2.blend(a3.rearrange(BY_1), ODD);
        FloatVector b3 = a2.rearrange(BY_1).blend(a3, ODD);
        FloatVector b4 = a4.blend(a5.rearrange(BY_1), ODD);
        FloatVector b5 = a4.rearrange(BY_1).blend(a5, ODD);
        FloatVector b6 = a6.blend(a7.rearrange(BY_1), ODD);
        FloatVector b7 = a6.rearrange(BY_1).blend(a7, ODD);
        FloatVector c0 = b0.blend(b2.rearrange(BY_2), ODD_PAIRS);
        FloatVector c1 = b1.blend(b3.rearrange(BY_2), ODD_PAIRS);
        FloatVector c2 = b0.rearrange(BY_2).blend(b2, ODD_PAIRS);
        FloatVector c3 = b1.rearrange(BY_2).blend(b3, ODD_PAIRS);
        FloatVector c4 = b4.blend(b6.rearrange(BY_2), ODD_PAIRS);
        FloatVector c5 = b5.blend(b7.rearrange(BY_2), ODD_PAIRS);
        FloatVector c6 = b4.rearrange(BY_2).blend(b6, ODD_PAIRS);
        FloatVector c7 = b5.rearrange(BY_2).blend(b7, ODD_PAIRS);
        c0.blend(c4.rearrange(BY_4), UPPER).intoArray(y, yAt);
        c1.blend(c5.rearrange(BY_4), UPPER).intoArray(y, yAt + ldy);
        c2.blend(c6.rearrange(BY_4), UPPER).intoArray(y, yAt + 2 * ldy);
        c3.blend(c7.rearrange(BY_4), UPPER).intoArray(y, yAt + 3 * ldy);
        c0.rearrange(BY_4).blend(c4, UPPER).intoArray(y, yAt + 4 * ldy);
        c1.rearrange(BY_4).blend(c5, UPPER).intoArray(y, yAt + 5 * ldy);
        c2.rearrange(BY_4).blend(c6, UPPER).intoArray(y, yAt + 6 * ldy);
        c3.rearrange(BY_4).blend(c7, UPPER).intoArray(y, yAt + 7 * ldy);
    }
}
