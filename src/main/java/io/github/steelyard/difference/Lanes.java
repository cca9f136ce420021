package io.github.steelyard.difference;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Counts elements of stored tensors that have other bits.
final class Lanes {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Lanes() {}

    /// Returns how many elements of `bits` bits differ.
    ///
    /// @param a bytes, a whole number of elements
    /// @param b as many bytes
    /// @param bits a power of two, 1 to 64
    static long different(MemorySegment a, MemorySegment b, int bits) {
        long whole = a.byteSize() / Long.BYTES * Long.BYTES;
        long count = 0;
        for (long at = 0; at < whole; at += Long.BYTES) {
            count += lanes(a.get(LONG, at) ^ b.get(LONG, at), bits);
        }
        long rest = 0;
        for (long at = whole; at < a.byteSize(); at++) {
            long mixed = (a.get(ValueLayout.JAVA_BYTE, at) ^ b.get(ValueLayout.JAVA_BYTE, at)) & 0xffL;
            rest |= mixed << (Byte.SIZE * (at - whole));
        }
        return count + lanes(rest, bits);
    }

    private static int lanes(long mixed, int bits) {
        long mask = bits == Long.SIZE ? -1 : (1L << bits) - 1;
        int count = 0;
        for (long rest = mixed; rest != 0; rest = bits == Long.SIZE ? 0 : rest >>> bits) {
            count += (rest & mask) == 0 ? 0 : 1;
        }
        return count;
    }
}
