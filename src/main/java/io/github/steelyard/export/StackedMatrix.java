package io.github.steelyard.export;

import io.github.steelyard.export.TensorContent.Pieces;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.weights.FusedStack;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Function;

/// One expert's matrix in a tensor that holds those of all experts, put together from the weights that have its rows.
///
/// @param parts the weights
/// @param rows output features of the whole matrix
/// @param layout order of the extents as they are written
record StackedMatrix(List<Rows> parts, int rows, FusedStack.Layout layout) {

    /// A weight whose row `r` is row `first + step · r` of the matrix.
    record Rows(StoredWeight weight, int first, int step) {}

    StackedMatrix {
        parts = List.copyOf(parts);
    }

    /// Returns the matrix in another form. Rows are encoded some at a time, so only the result is as large as it.
    ///
    /// @param encode gives equally many bytes for each row
    /// @param elementBytes bytes that stay together when the extents change places
    ByteBuffer bytes(Function<DecodedRows, byte[]> encode, int elementBytes) {
        byte[] all = new byte[0];
        for (Rows part : parts) {
            int row = part.first();
            for (int piece = 0; piece < Pieces.of(part.weight()); piece++) {
                DecodedRows decoded = Pieces.rows(part.weight(), piece);
                byte[] encoded = encode.apply(decoded);
                int rowBytes = encoded.length / decoded.count();
                all = all.length == 0 ? new byte[Math.multiplyExact(rows, rowBytes)] : all;
                for (int i = 0; i < decoded.count(); i++, row += part.step()) {
                    place(encoded, i * rowBytes, rowBytes, elementBytes, all, row);
                }
            }
        }
        return ByteBuffer.wrap(all);
    }

    private void place(byte[] from, int offset, int rowBytes, int elementBytes, byte[] to, int row) {
        switch (layout) {
            case OUT_IN -> System.arraycopy(from, offset, to, row * rowBytes, rowBytes);
            case IN_OUT -> {
                for (int i = 0; i < rowBytes; i += elementBytes) {
                    System.arraycopy(from, offset + i, to, i * rows + row * elementBytes, elementBytes);
                }
            }
        }
    }
}
