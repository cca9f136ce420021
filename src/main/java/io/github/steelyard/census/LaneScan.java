package io.github.steelyard.census;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/// Finds the elements of a tensor that are not finite by their bits, eight bytes at a time.
///
/// An element is not finite when all bits of a mask are set: the exponent for formats that have infinities, exponent
/// and mantissa for E4M3, every bit for E8M0. With `u = (bits & mask) ^ mask`, that is when `u` is zero, and
/// `((u & low) + low) | u` has the highest bit of each lane set exactly when that lane's `u` is not.
public enum LaneScan {
    F64(64, 0x7ff0_0000_0000_0000L),
    F32(32, 0x7f80_0000L),
    F16(16, 0x7c00L),
    BF16(16, 0x7f80L),
    E4M3(8, 0x7fL),
    E5M2(8, 0x7cL),
    E8M0(8, 0xffL);

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int STRIDE = 1 << 12; // longs between two looks at the result

    private final int laneBits;
    private final long mask; // of one lane
    private final long masks; // of all lanes
    private final long low; // all bits but the highest, of all lanes
    private final long high; // the highest bit of all lanes

    LaneScan(int laneBits, long mask) {
        this.laneBits = laneBits;
        this.mask = mask;
        long ones = -1L >>> (Long.SIZE - laneBits);
        long lanes = Long.divideUnsigned(-1L, ones); // a one in every lane
        this.masks = lanes * mask;
        this.high = lanes << (laneBits - 1);
        this.low = ~high;
    }

    /// Returns the scan for elements of this type, empty where every code is a finite value.
    public static Optional<LaneScan> of(DType dtype) {
        return switch (dtype) {
            case F64 -> Optional.of(F64);
            case F32, C64 -> Optional.of(F32);
            case F16 -> Optional.of(F16);
            case BF16 -> Optional.of(BF16);
            case F8_E4M3 -> Optional.of(E4M3);
            case F8_E5M2 -> Optional.of(E5M2);
            case F8_E8M0 -> Optional.of(E8M0);
            case BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, I16, U16, I32, U32, I64, U64 -> Optional.empty();
        };
    }

    /// What a scan found.
    ///
    /// @param count how many elements are not finite
    /// @param first index of the first of them, -1 if there is none
    public record Result(long count, long first) {

        /// Nothing was found.
        public static final Result NONE = new Result(0, -1);

        /// Returns both results as one, `later` being of elements that start at index `offset`.
        public Result then(Result later, long offset) {
            long at = first >= 0 || later.first < 0 ? first : later.first + offset;
            return new Result(count + later.count, at);
        }
    }

    /// Returns the size of an element in bytes.
    public int elementBytes() {
        return laneBits / Byte.SIZE;
    }

    /// Scans whole elements.
    public Result scan(MemorySegment bytes) {
        long longs = bytes.byteSize() / Long.BYTES;
        Result result = Result.NONE;
        for (long from = 0; from < longs; from += STRIDE) {
            long to = Math.min(longs, from + STRIDE);
            if (!allFinite(bytes, from, to)) {
                result = result.then(
                        count(bytes, from * Long.BYTES, to * Long.BYTES), from * Long.BYTES / elementBytes());
            }
        }
        long tail = longs * Long.BYTES;
        return result.then(count(bytes, tail, bytes.byteSize()), tail / elementBytes());
    }

    private boolean allFinite(MemorySegment bytes, long from, long to) {
        long all = -1L;
        for (long i = from; i < to; i++) {
            long u = (bytes.get(LONG, i * Long.BYTES) & masks) ^ masks;
            all &= ((u & low) + low) | u;
        }
        return (all & high) == high;
    }

    private Result count(MemorySegment bytes, long from, long to) {
        long count = 0;
        long first = -1;
        for (long at = from; at < to; at += elementBytes()) {
            if ((element(bytes, at) & mask) == mask) {
                count++;
                first = first < 0 ? (at - from) / elementBytes() : first;
            }
        }
        return new Result(count, first);
    }

    private long element(MemorySegment bytes, long at) {
        long bits = 0;
        for (int i = elementBytes() - 1; i >= 0; i--) {
            bits = bits << Byte.SIZE | (bytes.get(ValueLayout.JAVA_BYTE, at + i) & 0xff);
        }
        return bits;
    }
}
