package io.github.steelyard.statistics;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/// How often each bin of a histogram was met, kept in the bytes that files hold: each count in LEB128, the bins after
/// the last that was met left out. A site of a layer takes a few kilobytes so, not tens.
///
/// Equal counts are equal bytes.
public final class Counts {

    /// No bin was met.
    static final Counts NONE = new Counts(new byte[0]);

    private static final int DIGIT = 7;
    private static final int MORE = 1 << DIGIT;

    private final byte[] packed;

    private Counts(byte[] packed) {
        this.packed = packed;
    }

    /// Returns these counts.
    ///
    /// @param counts of each bin, not negative
    static Counts of(long[] counts) {
        int met = counts.length;
        while (met > 0 && counts[met - 1] == 0) {
            met--;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(2 * met);
        for (int i = 0; i < met; i++) {
            long rest = counts[i];
            while (rest >= MORE) {
                bytes.write((int) (rest & (MORE - 1)) | MORE);
                rest >>>= DIGIT;
            }
            bytes.write((int) rest);
        }
        return new Counts(bytes.toByteArray());
    }

    /// Reads what [#packed] gave.
    ///
    /// @param most how many bins there may be
    /// @throws IllegalArgumentException if [#of] gives no such bytes
    static Counts parse(byte[] packed, int most) {
        long[] counts = new long[most];
        int bin = 0;
        int shift = 0;
        for (byte digit : packed) {
            if (bin == most || shift > Long.SIZE - 1 - DIGIT) {
                throw new IllegalArgumentException("counts of more bins, or larger ones, than there can be");
            }
            counts[bin] |= (long) (digit & (MORE - 1)) << shift;
            if (digit < 0) {
                shift += DIGIT;
            } else {
                shift = 0;
                bin++;
            }
        }
        Counts read = of(counts);
        if (!Arrays.equals(read.packed, packed)) {
            throw new IllegalArgumentException("counts that are not written so");
        }
        return read;
    }

    /// Returns the count of each of `bins` bins.
    long[] unpacked(int bins) {
        long[] counts = new long[bins];
        int bin = 0;
        int shift = 0;
        for (byte digit : packed) {
            counts[bin] |= (long) (digit & (MORE - 1)) << shift;
            if (digit < 0) {
                shift += DIGIT;
            } else {
                shift = 0;
                bin++;
            }
        }
        return counts;
    }

    byte[] packed() {
        return packed.clone();
    }

    boolean isEmpty() {
        return packed.length == 0;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Counts counts && Arrays.equals(packed, counts.packed);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(packed);
    }

    @Override
    public String toString() {
        return Arrays.toString(packed);
    }
}
