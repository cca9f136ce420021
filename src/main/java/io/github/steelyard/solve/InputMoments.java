package io.github.steelyard.solve;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;

/// What the inputs `x` of a module look like over its tokens: for each channel the amax and the sum of magnitudes, and
/// for pairs of channels the sum of products `x xᵀ`.
///
/// Sums are 64-bit integers, multiples of a power of two that follows from the number of tokens and from a bound of
/// magnitudes, so that none can overflow. What is added is the sum over the rows of one call, rounded once; from there
/// on only integers are added. So the result has the same bits whatever the order of the calls, as long as rows are cut
/// alike (`docs/adr/0034-solved-weights.md`).
///
/// A row with a value that is not finite, or above the bound, is left out and counted.
///
/// Several threads may add at once. What is read is defined once all rows have been added.
public final class InputMoments {

    /// Channels whose products are computed together.
    private static final int PANEL = 256;

    private static final int BITS = 62; // of a sum

    private final int columns;
    private final int block;
    private final float bound;
    private final double productStep;
    private final double magnitudeStep;
    private final long[][] products; // of channel i: with channels i .. end of its block
    private final long[] magnitudes; // (columns)
    private final float[] amax; // (columns)
    private final ReentrantLock[] panels;
    private final ReentrantLock channels = new ReentrantLock();
    private long tokens;
    private long wholes; // that shares come to
    private final AtomicLong leftOut = new AtomicLong();

    /// @param columns the input features
    /// @param block the features whose products are summed, a divisor of `columns`, or one of the constants of
    ///     [Observed]
    /// @param bound the largest magnitude that is to be expected, not negative
    /// @param most the most rows that are added
    /// @throws IllegalArgumentException if `block` does not divide `columns`
    InputMoments(int columns, int block, float bound, long most) {
        this.columns = columns;
        this.block = Math.min(block, columns);
        if (this.block > 0 && columns % this.block != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%d features are no blocks of %d", columns, block));
        }
        this.bound = Math.max(bound, Float.MIN_NORMAL);
        int magnitude = Math.getExponent(this.bound) + 1;
        int rows = Long.SIZE - Long.numberOfLeadingZeros(Math.max(1, most));
        this.productStep = Math.scalb(1.0, rows + 2 * magnitude - BITS);
        this.magnitudeStep = Math.scalb(1.0, rows + magnitude - BITS);
        this.products = new long[this.block == 0 ? 0 : columns][];
        for (int i = 0; i < products.length; i++) {
            products[i] = new long[this.block - i % this.block];
        }
        this.magnitudes = new long[columns];
        this.amax = new float[columns];
        this.panels = IntStream.range(0, Math.ceilDiv(columns, PANEL))
                .mapToObj(panel -> new ReentrantLock())
                .toArray(ReentrantLock[]::new);
    }

    /// Returns the bytes that moments of these extents take.
    static long bytes(int columns, int block) {
        long together = Math.min(block, columns);
        return columns * (together + 1) / 2 * Long.BYTES + 12L * columns;
    }

    /// Returns the number of input features.
    public int columns() {
        return columns;
    }

    /// Returns how many tokens these are, those left out not among them.
    public long tokens() {
        return tokens;
    }

    /// Returns how many tokens had a value that was not finite, or many times above what had been measured.
    public long leftOut() {
        return leftOut.get();
    }

    /// Returns the largest magnitude in a channel.
    public float amax(int channel) {
        return amax[channel];
    }

    /// Returns what all rows count for together: their number, but for those that were added in shares.
    public long total() {
        return wholes > 0 ? wholes : tokens;
    }

    /// Returns the mean magnitude in a channel over all tokens; 0 without any.
    public double meanMagnitude(int channel) {
        return tokens == 0 ? 0 : magnitudes[channel] * magnitudeStep / total();
    }

    /// Returns the sum over all tokens of the product of two channels.
    ///
    /// @throws IllegalArgumentException if their products were not summed
    public double product(int one, int other) {
        int low = Math.min(one, other);
        int high = Math.max(one, other);
        if (block == 0 || low / block != high / block) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "products of channels %d and %d were not summed", one, other));
        }
        return products[low][high - low] * productStep;
    }

    /// What each of some rows counts for.
    ///
    /// @param of each row, in (0, 1]
    /// @param begun the wholes whose first row is among these
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Shares(float[] of, int begun) {}

    /// Adds rows that are summed as one.
    ///
    /// @param values `(rows, columns)` from `offset` on
    void add(float[] values, int offset, int rows, Desk desk) {
        if (desk.kernels().absMax(values, offset, rows * columns) <= bound) { // not if it is no number
            addSound(values, offset, rows, values, offset, new float[0], desk);
            return;
        }
        float[] ones = new float[rows];
        Arrays.fill(ones, 1);
        addSome(values, offset, rows, ones, desk);
    }

    /// Adds rows that count for shares, and are summed as one.
    ///
    /// @param values `(rows, columns)` from `offset` on
    void add(float[] values, int offset, int rows, Shares shares, Desk desk) {
        addSome(values, offset, rows, shares.of, desk);
        channels.lock();
        try {
            wholes += shares.begun;
        } finally {
            channels.unlock();
        }
    }

    /// Adds those rows that are sound, each times the root of its share.
    private void addSome(float[] values, int offset, int rows, float[] shares, Desk desk) {
        float[] sound = desk.rows(2 * rows * columns);
        float[] kept = new float[rows];
        int count = 0;
        for (int row = 0; row < rows; row++) {
            int from = offset + row * columns;
            if (desk.kernels().absMax(values, from, columns) <= bound) {
                System.arraycopy(values, from, sound, count * columns, columns);
                float root = (float) Math.sqrt(shares[row]);
                for (int i = 0; i < columns; i++) {
                    sound[(rows + count) * columns + i] = root * values[from + i];
                }
                kept[count++] = shares[row];
            }
        }
        addSound(sound, 0, count, sound, rows * columns, kept, desk);
        leftOut.addAndGet(rows - count);
    }

    /// @param scaled the same rows times the roots of their shares
    /// @param shares of each row; none where all count for one
    private void addSound(float[] values, int offset, int rows, float[] scaled, int at, float[] shares, Desk desk) {
        addChannels(values, offset, rows, shares, desk);
        if (block == columns) {
            addAll(scaled, at, rows, desk);
        } else if (block > 0) {
            addBlocks(scaled, at, rows);
        }
    }

    private void addChannels(float[] values, int offset, int rows, float[] shares, Desk desk) {
        float[] largest = new float[columns];
        double[] sums = new double[columns];
        desk.kernels().absMaxColumns(values, offset, rows, columns, largest, 0);
        for (int row = 0; row < rows; row++) {
            float share = shares.length == 0 ? 1 : shares[row];
            for (int i = 0; i < columns; i++) {
                sums[i] += share * Math.abs(values[offset + row * columns + i]);
            }
        }
        channels.lock();
        try {
            tokens += rows;
            for (int i = 0; i < columns; i++) {
                amax[i] = Math.max(amax[i], largest[i]);
                magnitudes[i] += (long) Math.rint(sums[i] / magnitudeStep);
            }
        } finally {
            channels.unlock();
        }
    }

    /// Products of all channels: some rows of `XᵀX` at a time, right of the diagonal.
    private void addAll(float[] values, int offset, int rows, Desk desk) {
        if (rows == 0) {
            return;
        }
        for (int first = 0; first < columns; first += PANEL) {
            int height = Math.min(PANEL, columns - first);
            int width = columns - first;
            float[] turned = desk.turned(height * rows);
            float[] sums = desk.sums(height * width);
            desk.kernels().transpose(values, offset + first, columns, rows, height, turned, 0, rows);
            desk.gemm()
                    .multiply(
                            Matrix.dense(turned, height, rows),
                            new Matrix(values, offset + first, rows, width, columns),
                            Update.SET,
                            Matrix.dense(sums, height, width),
                            desk.workspace());
            panels[first / PANEL].lock();
            try {
                for (int i = 0; i < height; i++) {
                    add(sums, i * width + i, products[first + i]);
                }
            } finally {
                panels[first / PANEL].unlock();
            }
        }
    }

    private void add(float[] sums, int from, long[] target) {
        double factor = 1 / productStep; // a power of two
        for (int i = 0; i < target.length; i++) {
            target[i] += (long) Math.rint(sums[from + i] * factor);
        }
    }

    /// Products within blocks, summed in float64 in the order of the rows.
    private void addBlocks(float[] values, int offset, int rows) {
        double[] sums = new double[block * (block + 1) / 2];
        for (int first = 0; first < columns; first += block) {
            Arrays.fill(sums, 0);
            for (int row = 0; row < rows; row++) {
                int from = offset + row * columns + first;
                int at = 0;
                for (int i = 0; i < block; i++) {
                    double x = values[from + i];
                    for (int j = i; j < block; j++) {
                        sums[at++] += x * values[from + j];
                    }
                }
            }
            ReentrantLock lock = panels[first / PANEL];
            lock.lock();
            try {
                int at = 0;
                for (int i = 0; i < block; i++) {
                    long[] target = products[first + i];
                    for (int j = 0; j < target.length; j++) {
                        target[j] += (long) Math.rint(sums[at++] / productStep);
                    }
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
