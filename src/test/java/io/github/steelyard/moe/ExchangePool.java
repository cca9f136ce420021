package io.github.steelyard.moe;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// One buffer per rank with the same named regions at the same offsets, so that a rank can write into another rank's
/// buffer knowing only the region's name. Regions are reserved first, then the pool is sealed, and only then is it
/// used; whatever does not fit is refused by name and size.
///
/// Buffers hold float32 values. Sizes are in bytes, since that is what an engine reserves.
final class ExchangePool {

    /// Regions start at multiples of this many bytes.
    public static final int ALIGNMENT = 128;

    private final int ranks;
    private final long capacity;
    private final Map<String, Region> regions = new LinkedHashMap<>();
    private long end;
    private float[][] buffers = new float[0][];

    /// @param name the region's name
    /// @param offset its first byte
    /// @param bytes its size
    private record Region(String name, long offset, long bytes) {}

    /// The regions' sizes for one exchange, in bytes.
    ///
    /// @param topK routing tables: weight, expert and mask of every choice
    /// @param dispatch rows on their way to the experts: every choice of every token, on every rank
    /// @param combine rows on their way home: every choice of the rank's own tokens
    public record Sizes(long topK, long dispatch, long combine) {

        /// Computes the regions' sizes.
        ///
        /// @param tokens tokens of all ranks, padded to the same number on each
        /// @param chosen experts per token
        /// @param inputWidth features of an expert's input
        /// @param outputWidth features of an expert's output
        /// @param elementBytes bytes of one element
        /// @param ranks number of ranks; divides `tokens`
        /// @return the sizes
        /// @throws IllegalArgumentException if `ranks` does not divide `tokens`, or a size exceeds 63 bits
        public static Sizes of(long tokens, int chosen, int inputWidth, int outputWidth, int elementBytes, int ranks) {
            if (tokens % ranks != 0) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT, "%d tokens on %d ranks: expected the same number on each", tokens, ranks));
            }
            try {
                long choices = Math.multiplyExact(tokens, (long) chosen * elementBytes);
                return new Sizes(
                        Math.multiplyExact(choices, 3L),
                        Math.multiplyExact(choices, (long) inputWidth),
                        Math.multiplyExact(choices / ranks, (long) outputWidth));
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "an exchange of %d tokens does not fit in any pool", tokens), e);
            }
        }

        /// Returns the bytes of a pool that holds the three regions, each aligned.
        public long total() {
            return aligned(topK) + aligned(dispatch) + aligned(combine);
        }
    }

    /// @param ranks number of ranks
    /// @param capacity bytes of each rank's buffer
    public ExchangePool(int ranks, long capacity) {
        if (ranks < 1 || capacity < 0 || capacity / Float.BYTES > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "pool of %d bytes on %d ranks: expected 0 to %d bytes on 1 or more",
                    capacity,
                    ranks,
                    (Integer.MAX_VALUE - 8L) * Float.BYTES));
        }
        this.ranks = ranks;
        this.capacity = capacity;
    }

    /// Reserves a region on every rank.
    ///
    /// @throws IllegalStateException if the pool is sealed
    /// @throws IllegalArgumentException if the name is taken or the region does not fit
    public void reserve(String name, long bytes) {
        if (sealed()) {
            throw new IllegalStateException("region '%s': the pool is sealed".formatted(name));
        }
        if (bytes < 0 || bytes % Float.BYTES != 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "region '%s': expected a multiple of %d bytes, found %d", name, Float.BYTES, bytes));
        }
        if (regions.containsKey(name)) {
            throw new IllegalArgumentException("region '%s' is reserved already".formatted(name));
        }
        if (bytes > capacity - end) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "region '%s': needs %d bytes at offset %d, the pool has %d",
                    name,
                    bytes,
                    end,
                    capacity));
        }
        regions.put(name, new Region(name, end, bytes));
        end = Math.min(capacity, aligned(end + bytes));
    }

    /// Ends the reservations and allocates the buffers.
    public void seal() {
        if (sealed()) {
            throw new IllegalStateException("the pool is sealed already");
        }
        buffers = new float[ranks][(int) (end / Float.BYTES)];
        clear();
    }

    private boolean sealed() {
        return buffers.length > 0;
    }

    /// Makes every value undefined (NaN), as a barrier before the next exchange does for what is not written anew.
    public void clear() {
        for (float[] buffer : buffers) {
            Arrays.fill(buffer, Float.NaN);
        }
    }

    /// Writes `count` values into a rank's region, from its `index`-th value on.
    ///
    /// @throws IllegalArgumentException if the region is unknown or overrun
    public void put(int rank, String region, long index, float[] source, int from, int count) {
        System.arraycopy(source, from, buffer(rank), start(rank, region, index, count), count);
    }

    /// Reads `count` values of a rank's region, from its `index`-th value on.
    ///
    /// @throws IllegalArgumentException if the region is unknown or overrun
    public void get(int rank, String region, long index, float[] target, int to, int count) {
        System.arraycopy(buffer(rank), start(rank, region, index, count), target, to, count);
    }

    private float[] buffer(int rank) {
        if (!sealed()) {
            throw new IllegalStateException("the pool is not sealed yet");
        }
        return buffers[rank];
    }

    private int start(int rank, String name, long index, int count) {
        Region region = regions.get(name);
        if (region == null) {
            throw new IllegalArgumentException("region '%s': expected one of %s".formatted(name, regions.keySet()));
        }
        if (index < 0 || count < 0 || index + count > region.bytes / Float.BYTES) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "region '%s' of rank %d: values %d to %d overrun its %d",
                    name,
                    rank,
                    index,
                    index + count,
                    region.bytes / Float.BYTES));
        }
        return (int) (region.offset / Float.BYTES + index);
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
}
