package io.github.steelyard.layout;

import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.EncodedWeight;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// What the bytes of written tensors are made from, in pieces of bounded size: those of one tensor, or the codes and
/// the scales of a weight, which are encoded once and together. Every piece is a function of the source alone, so that
/// pieces can be made by several threads, and in any order.
public sealed interface TensorContent {

    /// Elements that a piece holds at most, unless one row holds more.
    int PIECE_ELEMENTS = 1 << 19;

    /// Returns the number of pieces.
    int pieces();

    /// Returns the bytes of piece `index` of each tensor, little-endian, from position to limit.
    List<ByteBuffer> piece(int index);

    /// Bytes of the source as they are.
    record Copied(MemorySegment bytes) implements TensorContent {

        private static final int PIECE_BYTES = 1 << 22;

        static Copied of(SourceModule module, TensorInfo tensor) {
            return new Copied(module.weights().checkpoint().bytes(tensor));
        }

        @Override
        public int pieces() {
            return Math.toIntExact(Math.ceilDiv(bytes.byteSize(), (long) PIECE_BYTES));
        }

        @Override
        public List<ByteBuffer> piece(int index) {
            long from = (long) index * PIECE_BYTES;
            return List.of(bytes.asSlice(from, Math.min(PIECE_BYTES, bytes.byteSize() - from))
                    .asByteBuffer());
        }
    }

    /// Values as F32.
    record Floats(List<Float> values) implements TensorContent {

        public Floats {
            values = List.copyOf(values);
        }

        @Override
        public int pieces() {
            return 1;
        }

        @Override
        public List<ByteBuffer> piece(int index) {
            ByteBuffer bytes = ByteBuffer.allocate(values.size() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            values.forEach(bytes::putFloat);
            return List.of(bytes.flip());
        }
    }

    /// A weight decoded to float32, written as F32 or rounded to BF16.
    ///
    /// @param encoder encodes it before, so that values are those of codes; empty for the weight as it is
    record Values(StoredWeight weight, Optional<WeightEncoder> encoder, DType dtype) implements TensorContent {

        /// @throws IllegalArgumentException if `dtype` is neither F32 nor BF16
        public Values {
            if (dtype != DType.F32 && dtype != DType.BF16) {
                throw new IllegalArgumentException("values are written as F32 or BF16, not as %s".formatted(dtype));
            }
        }

        @Override
        public int pieces() {
            return Pieces.of(weight);
        }

        @Override
        public List<ByteBuffer> piece(int index) {
            DecodedRows rows = Pieces.rows(weight, index);
            return List.of(
                    ByteBuffer.wrap(encoder.map(rows::folded).orElse(rows).as(dtype)));
        }
    }

    /// The codes of a weight, and the scales of its parts if the format has any.
    record Encoded(StoredWeight weight, WeightEncoder encoder) implements TensorContent {

        @Override
        public int pieces() {
            return Pieces.of(weight);
        }

        @Override
        public List<ByteBuffer> piece(int index) {
            return Pieces.rows(weight, index).encode(encoder).stream()
                    .map(ByteBuffer::wrap)
                    .toList();
        }
    }

    /// The matrices of all experts, one behind the other; a piece is one whole matrix.
    ///
    /// @param encode gives the bytes of each tensor, of each equally many for every row
    /// @param elementBytes bytes that stay together where the extents change places
    record Stacked(List<StackedMatrix> matrices, Function<DecodedRows, List<byte[]>> encode, int elementBytes)
            implements TensorContent {

        public Stacked {
            matrices = List.copyOf(matrices);
        }

        @Override
        public int pieces() {
            return matrices.size();
        }

        @Override
        public List<ByteBuffer> piece(int index) {
            return matrices.get(index).bytes(encode, elementBytes);
        }
    }

    /// How a weight is cut: runs of rows, a multiple of the 128 that share a block scale.
    final class Pieces {

        private Pieces() {}

        static int of(StoredWeight weight) {
            return Math.ceilDiv(weight.rows(), rowsPerPiece(weight));
        }

        static DecodedRows rows(StoredWeight weight, int index) {
            int from = index * rowsPerPiece(weight);
            int to = Math.min(from + rowsPerPiece(weight), weight.rows());
            float[] values = new float[Math.multiplyExact(to - from, weight.columns())];
            weight.decodeRows(from, to, values, 0);
            Optional<WeightEncoder.Encoded> encoded =
                    weight instanceof EncodedWeight before ? Optional.of(before.encoded(from, to)) : Optional.empty();
            return new DecodedRows(values, to - from, weight.columns(), encoded);
        }

        private static int rowsPerPiece(StoredWeight weight) {
            return Math.ceilDiv(Math.max(1, PIECE_ELEMENTS / weight.columns()), Fp8.BLOCK) * Fp8.BLOCK;
        }
    }
}
