package io.github.steelyard.run;

import io.github.steelyard.work.Workers;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/// The CRC-32C of many bytes, by all workers: each takes pieces, and the checksums of pieces are joined to that of the
/// whole.
///
/// A CRC is the remainder of the bytes, read as a polynomial over GF(2), so that of `A` followed by `n` more bits `B`
/// is `crc(A) · xⁿ + crc(B)` modulo the generator. Polynomials are kept as CRC-32C has them: the highest bit of an
/// `int` is the coefficient of x⁰.
final class StreamChecksum {

    /// Bytes of a piece.
    private static final int PIECE = 16 << 20;

    private static final int GENERATOR = 0x82f63b78;
    private static final int ONE = 1 << 31;
    private static final int X_TO_8 = ONE >>> 8; // what one more byte multiplies by

    private StreamChecksum() {}

    /// Returns the CRC-32C.
    static int of(MemorySegment bytes, Workers workers) {
        int pieces = Math.toIntExact(Math.ceilDiv(bytes.byteSize(), (long) PIECE));
        int[] checksums = new int[pieces];
        workers.forEach(pieces, (piece, lane) -> {
            long from = (long) piece * PIECE;
            checksums[piece] = of(bytes.asSlice(from, Math.min(PIECE, bytes.byteSize() - from)));
        });
        int whole = 0;
        int shift = power(PIECE);
        for (int piece = 0; piece < pieces; piece++) {
            boolean last = piece == pieces - 1;
            int by = last ? power(bytes.byteSize() - (long) piece * PIECE) : shift;
            whole = times(whole, by) ^ checksums[piece];
        }
        return whole;
    }

    /// Returns the CRC-32C, by the calling thread.
    static int of(MemorySegment bytes) {
        CRC32C checksum = new CRC32C();
        for (long at = 0; at < bytes.byteSize(); at += StateFile.BLOCK) {
            checksum.update(bytes.asSlice(at, Math.min(StateFile.BLOCK, bytes.byteSize() - at))
                    .asByteBuffer());
        }
        return (int) checksum.getValue();
    }

    /// Returns what so many bytes more multiply by.
    private static int power(long bytes) {
        int result = ONE;
        int square = X_TO_8;
        for (long left = bytes; left > 0; left >>= 1) {
            if ((left & 1) == 1) {
                result = times(result, square);
            }
            square = times(square, square);
        }
        return result;
    }

    private static int times(int a, int b) {
        int product = 0;
        int shifted = b; // b · xⁱ
        for (int i = 0; i < Integer.SIZE; i++) {
            if ((a << i) < 0) {
                product ^= shifted;
            }
            shifted = (shifted >>> 1) ^ ((shifted & 1) == 1 ? GENERATOR : 0);
        }
        return product;
    }
}
