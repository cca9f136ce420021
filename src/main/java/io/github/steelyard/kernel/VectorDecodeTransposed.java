package io.github.steelyard.kernel;

import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Decodes weights that are stored `(input features, output features)`: a tile at a time in the order of memory, then
/// transposed. Written the other way round, each value would touch another cache line.
final class VectorDecodeTransposed {

    // Both a multiple of the blocks of NVFP4.
    private static final int TILE_ROWS = 64;
    private static final int TILE_COLUMNS = 64;

    /// Decodes columns `fromColumn .. fromColumn + columns` of rows `fromRow .. fromRow + rows` into
    /// `tile (columns, rows)`.
    private interface Part {
        void decode(int fromRow, int rows, int fromColumn, int columns, float[] tile);
    }

    private VectorDecodeTransposed() {}

    static void decode(TransposedWeight weight, int fromRow, int toRow, float[] target, int offset) {
        tiles(weight, fromRow, toRow, target, offset, (row, rows, fromColumn, columns, tile) -> {
            for (int column = 0; column < columns; column++) {
                long first = (long) (fromColumn + column) * weight.rows() + row;
                VectorDecode.elements(weight.elements(), weight.dtype(), first, rows, tile, column * rows);
            }
            if (weight.scale() != 1) {
                VectorDecode.scale(weight.scale(), tile, 0, rows * columns);
            }
        });
    }

    static void decode(TransposedNvfp4Weight weight, int fromRow, int toRow, float[] target, int offset) {
        float[] scales = new float[TILE_ROWS];
        tiles(weight, fromRow, toRow, target, offset, (row, rows, fromColumn, columns, tile) -> {
            for (int column = 0; column < columns; column += 2) {
                if (column % Nvfp4Weight.BLOCK == 0) {
                    scales(weight, row, rows, (fromColumn + column) / Nvfp4Weight.BLOCK, scales);
                }
                long first = (long) ((fromColumn + column) / 2) * weight.rows() + row;
                pairs(weight.codes(), first, rows, scales, tile, column * rows);
            }
        });
    }

    private static void scales(TransposedNvfp4Weight weight, int fromRow, int rows, int block, float[] scales) {
        long first = (long) block * weight.rows() + fromRow;
        for (int row = 0; row < rows; row++) {
            int code = weight.blockScales().get(ValueLayout.JAVA_BYTE, first + row);
            scales[row] = E4m3.decode(code) * weight.globalScale();
        }
    }

    private static void pairs(MemorySegment codes, long first, int rows, float[] scales, float[] tile, int at) {
        for (int row = 0; row < rows; row++) {
            int pair = codes.get(ValueLayout.JAVA_BYTE, first + row);
            tile[at + row] = E2m1.decode(pair) * scales[row];
            tile[at + rows + row] = E2m1.decode(pair >> 4) * scales[row];
        }
    }

    private static void tiles(StoredWeight weight, int fromRow, int toRow, float[] target, int offset, Part part) {
        float[] tile = new float[TILE_ROWS * TILE_COLUMNS];
        for (int row = fromRow; row < toRow; row += TILE_ROWS) {
            int rows = Math.min(TILE_ROWS, toRow - row);
            for (int column = 0; column < weight.columns(); column += TILE_COLUMNS) {
                int columns = Math.min(TILE_COLUMNS, weight.columns() - column);
                part.decode(row, rows, column, columns, tile);
                int at = offset + (row - fromRow) * weight.columns() + column;
                VectorTranspose.transpose(tile, 0, rows, columns, rows, target, at, weight.columns());
            }
        }
    }
}
