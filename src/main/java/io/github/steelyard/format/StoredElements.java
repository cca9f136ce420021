package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;

/// Little-endian elements of one type in memory: the size check and the plain decoding loops that all weights share.
final class StoredElements {

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private StoredElements() {}

    /// Returns `elements` as read-only, checked to hold exactly `count` elements of `bits` bits.
    static MemorySegment require(String what, MemorySegment elements, long count, int bits) {
        long wanted = Math.multiplyExact(count, bits) / Byte.SIZE;
        if (elements.byteSize() != wanted) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%s: expected %d bytes, found %d", what, wanted, elements.byteSize()));
        }
        return elements.asReadOnly();
    }

    static void requireExtents(String what, int rows, int columns, int columnMultiple) {
        if (rows < 0 || columns < 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%s: negative extent in [%d, %d]", what, rows, columns));
        }
        if (columns % columnMultiple != 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%s: expected a multiple of %d columns, found [%d, %d]",
                    what,
                    columnMultiple,
                    rows,
                    columns));
        }
    }

    /// Checks the arguments of [StoredWeight#decodeRows].
    static void requireTarget(StoredWeight weight, int fromRow, int toRow, float[] target, int offset) {
        if (fromRow < 0 || fromRow > toRow || toRow > weight.rows()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "rows %d to %d of a weight with %d rows", fromRow, toRow, weight.rows()));
        }
        long needed = (long) (toRow - fromRow) * weight.columns();
        if (offset < 0 || needed > target.length - offset) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "decoded rows: expected room for %d values at offset %d, found %d",
                    needed,
                    offset,
                    target.length));
        }
    }

    /// Returns one byte as `0..255`.
    static int code(MemorySegment codes, long index) {
        return codes.get(BYTE, index) & 0xff;
    }

    /// Returns the E2M1 code of element `index`: low nibble = even index.
    static int nibble(MemorySegment codes, long index) {
        return (code(codes, index >>> 1) >>> ((index & 1) << 2)) & 0xf;
    }

    /// Decodes `count` elements from `first` on into `target[offset + i · stride]`.
    static void decode(
            MemorySegment elements, DType dtype, long first, int count, float[] target, int offset, int stride) {
        switch (dtype) {
            case F32 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i * stride] = elements.get(FLOAT, (first + i) * Float.BYTES);
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i * stride] = Bf16.decode(elements.get(SHORT, (first + i) * Short.BYTES));
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i * stride] = Fp16.decode(elements.get(SHORT, (first + i) * Short.BYTES));
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i * stride] = E4m3.decode(elements.get(BYTE, first + i));
                }
            }
            case F8_E5M2 -> {
                for (int i = 0; i < count; i++) {
                    target[offset + i * stride] = E5m2.decode(elements.get(BYTE, first + i));
                }
            }
            case BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E8M0, I16, U16, I32, U32, C64, F64, I64, U64 ->
                throw new IllegalArgumentException("no decoder for elements of type %s".formatted(dtype));
        }
    }
}
