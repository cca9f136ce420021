package io.github.steelyard.layout;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.layout.TensorContent.Pieces;
import io.github.steelyard.weights.FusedStack;
import java.nio.ByteBuffer;
import java.util.ArrayList;
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
    /// @param encode gives the bytes of each tensor, of each equally many for every row
    /// @param elementBytes bytes that stay together when the extents change places
    List<ByteBuffer> bytes(Function<DecodedRows, List<byte[]>> encode, int elementBytes) {
        List<byte[]> whole = new ArrayList<>();
        for (Rows part : parts) {
            int row = part.first();
            for (int piece = 0; piece < Pieces.of(part.weight()); piece++) {
                DecodedRows decoded = Pieces.rows(part.weight(), piece);
                List<byte[]> encoded = encode.apply(decoded);
                for (int tensor = 0; tensor < encoded.size(); tensor++) {
                    byte[] bytes = encoded.get(tensor);
                    int rowBytes = bytes.length / decoded.count();
                    if (tensor == whole.size()) {
                        whole.add(new byte[Math.multiplyExact(rows, rowBytes)]);
                    }
                    for (int i = 0; i < decoded.count(); i++) {
                        place(bytes, i * rowBytes, rowBytes, elementBytes, whole.get(tensor), row + i * part.step());
                    }
                }
                row += decoded.count() * part.step();
            }
        }
        return whole.stream().map(ByteBuffer::wrap).toList();
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
