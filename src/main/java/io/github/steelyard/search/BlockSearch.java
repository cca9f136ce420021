package io.github.steelyard.search;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.PartScales;
import io.github.steelyard.kernel.Kernels;
import java.util.Arrays;
import java.util.Locale;

/// Chooses the scales of static NVFP4 blocks by a [BlockRule], many blocks at a time. The results are those of
/// [ReferenceBlockSearch], bit by bit, whatever rows are given together.
///
/// The sweep leaves out what cannot win. Let `s` be the scale of a code and `b` the block's largest magnitude:
///
/// * A code eight above another has twice its scale. Where `b / s ≤ 6`, each value of the grid of `2s` that a value of
/// the
///   block is rounded to is one of the grid of `s`, and rounding to both meets the same ties. So no error is smaller
/// under
///   `2s`, but for the rounding of `1.5 s` and `3 s`, which may be seen where a value lies midway. Only the first eight
/// codes
///   with `b / s ≤ 6` are tried, and for the best of them the one eight above; a block where two errors are so close
/// that
///   this rounding might decide is searched whole.
/// * Where `b / s > 6`, the error is at least `(b - 6s)²`: adding more that is not negative never makes a float32 sum
/// less.
///   From above downwards codes are tried until that exceeds the smallest error found, which it then does for all
/// below.
///
/// Immutable; may be used from several threads.
public final class BlockSearch implements PartScales {

    /// Blocks at a time: what they take stays in the innermost cache.
    private static final int BATCH = 64;

    private static final int LAST_CODE = 126;
    private static final int FIRST_NORMAL = 8;
    private static final int CODES_OF_A_BINADE = 8;
    private static final float FP4_MAX = 6;

    /// Relative distance of errors that rounding of a few products may bridge, many times over.
    private static final float CLOSE = 1 + 0x1p-14f;

    private final BlockRule rule;
    private final StaticScales scales;
    private final Kernels kernels;
    private final float[] sweptScales = new float[LAST_CODE + 1]; // by code
    private final float[] sweptAmaxes = new float[LAST_CODE + 1];
    private final boolean doubles; // whether eight codes above is twice the scale: not where scales are subnormal

    /// @param scales the formulas under the amax of the tensor
    /// @param kernels whose errors are compared; all give the same
    public BlockSearch(BlockRule rule, StaticScales scales, Kernels kernels) {
        this.rule = rule;
        this.scales = scales;
        this.kernels = kernels;
        boolean exact = true;
        for (int code = 1; code <= LAST_CODE; code++) {
            sweptAmaxes[code] = scales.swept(code);
            sweptScales[code] = scales.tried(sweptAmaxes[code]);
            exact &= sweptScales[code] > sweptScales[code - 1]
                    && (code < 2 * FIRST_NORMAL || sweptScales[code] == 2 * sweptScales[code - CODES_OF_A_BINADE]);
        }
        doubles = exact;
    }

    @Override
    public byte[] of(float[] values, int offset, int rows, int columns) {
        byte[] codes = new byte[rows * (columns / Nvfp4.BLOCK)];
        float[] amaxes = amaxes(values, offset, rows, columns);
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) scales.written(amaxes[i]);
        }
        return codes;
    }

    /// Returns the chosen amax of each block.
    ///
    /// @param values `(rows, columns)` from `offset` on
    /// @return `(rows, columns / 16)`
    /// @throws IllegalArgumentException if `columns` is no multiple of 16 or a value is not finite
    public float[] amaxes(float[] values, int offset, int rows, int columns) {
        if (columns % Nvfp4.BLOCK != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%d columns are no blocks of %d", columns, Nvfp4.BLOCK));
        }
        float[] amaxes = new float[rows * (columns / Nvfp4.BLOCK)];
        Batch batch = new Batch();
        for (int first = 0; first < amaxes.length; first += BATCH) {
            int count = Math.min(BATCH, amaxes.length - first);
            batch.load(values, offset + first * Nvfp4.BLOCK, count);
            switch (rule) {
                case BlockRule.Largest largest -> System.arraycopy(batch.largest, 0, amaxes, first, count);
                case BlockRule.Grid grid -> batch.grid(grid.multipliers().toArray(), amaxes, first);
                case BlockRule.Sweep sweep -> batch.sweep(amaxes, first);
            }
        }
        return amaxes;
    }

    /// Blocks that are searched together. Those that are missing in the last batch are zero.
    private final class Batch {

        private final float[] columns = new float[Nvfp4.BLOCK * BATCH]; // (element, block)
        private final float[] largest = new float[BATCH];
        private final float[] tried = new float[BATCH]; // scales
        private final float[] errors = new float[BATCH];
        private final float[] smallest = new float[BATCH];
        private final float[] smallestAbove = new float[BATCH]; // of the scales that cut nothing off
        private final float[] second = new float[BATCH]; // the smallest error but one
        private final int[] start = new int[BATCH]; // code
        private final int[] best = new int[BATCH]; // code
        private int count;

        void load(float[] values, int offset, int blocks) {
            count = blocks;
            if (blocks < BATCH) {
                Arrays.fill(columns, 0);
            }
            for (int i = 0; i < blocks; i++) {
                for (int e = 0; e < Nvfp4.BLOCK; e++) {
                    columns[e * BATCH + i] = Math.abs(values[offset + i * Nvfp4.BLOCK + e]);
                }
            }
            Arrays.fill(largest, 0);
            kernels.absMaxColumns(columns, 0, Nvfp4.BLOCK, BATCH, largest, 0);
            for (int i = 0; i < blocks; i++) {
                if (!Float.isFinite(largest[i])) {
                    throw new IllegalArgumentException("amax must be finite, found %s".formatted(largest[i]));
                }
            }
            Arrays.fill(smallest, Float.POSITIVE_INFINITY);
            Arrays.fill(second, Float.POSITIVE_INFINITY);
        }

        void grid(float[] multipliers, float[] amaxes, int at) {
            for (int i = 0; i < count; i++) {
                amaxes[at + i] = largest[i] * multipliers[0];
            }
            for (float multiplier : multipliers) {
                for (int i = 0; i < count; i++) {
                    tried[i] = scales.tried(largest[i] * multiplier);
                }
                kernels.fp4Errors(columns, 0, BATCH, tried, errors);
                for (int i = 0; i < count; i++) {
                    if (errors[i] < smallest[i]) {
                        smallest[i] = errors[i];
                        amaxes[at + i] = largest[i] * multiplier;
                    }
                }
            }
        }

        void sweep(float[] amaxes, int at) {
            if (!doubles) {
                for (int i = 0; i < count; i++) {
                    amaxes[at + i] = whole(i);
                }
                return;
            }
            for (int i = 0; i < count; i++) {
                start[i] = firstWithin(largest[i]);
            }
            for (int above = 0; above < CODES_OF_A_BINADE; above++) {
                for (int i = 0; i < count; i++) {
                    tried[i] = sweptScales[Math.min(start[i] + above, LAST_CODE)];
                }
                kernels.fp4Errors(columns, 0, BATCH, tried, errors);
                for (int i = 0; i < count; i++) {
                    noteAbove(i, start[i] + above);
                }
            }
            noteTwiceTheBest();
            System.arraycopy(smallest, 0, smallestAbove, 0, count);
            for (int below = 1; mayWinBelow(below); below++) {
                kernels.fp4Errors(columns, 0, BATCH, tried, errors);
                for (int i = 0; i < count; i++) {
                    if (errors[i] <= smallest[i] && start[i] > below) {
                        smallest[i] = errors[i];
                        best[i] = start[i] - below;
                    }
                }
            }
            for (int i = 0; i < count; i++) {
                amaxes[at + i] =
                        second[i] > smallestAbove[i] * CLOSE || largest[i] == 0 ? sweptAmaxes[best[i]] : whole(i);
            }
        }

        /// Searches one block over all codes.
        private float whole(int i) {
            float[] block = new float[Nvfp4.BLOCK];
            for (int e = 0; e < block.length; e++) {
                block[e] = columns[e * BATCH + i];
            }
            return ReferenceBlockSearch.amax(rule, scales, block, 0);
        }

        private void noteAbove(int i, int code) {
            if (errors[i] < smallest[i]) {
                second[i] = smallest[i];
                smallest[i] = errors[i];
                best[i] = code;
            } else if (code <= LAST_CODE) {
                second[i] = Math.min(second[i], errors[i]);
            }
        }

        private void noteTwiceTheBest() {
            for (int i = 0; i < count; i++) {
                tried[i] = sweptScales[Math.min(best[i] + CODES_OF_A_BINADE, LAST_CODE)];
            }
            kernels.fp4Errors(columns, 0, BATCH, tried, errors);
            for (int i = 0; i < count; i++) {
                if (best[i] + CODES_OF_A_BINADE <= LAST_CODE) {
                    second[i] = Math.min(second[i], errors[i]);
                }
            }
        }

        /// Takes the next scale below for each block and returns whether one of them may win.
        private boolean mayWinBelow(int below) {
            boolean any = false;
            for (int i = 0; i < count; i++) {
                int code = Math.max(1, start[i] - below);
                float scale = sweptScales[code];
                tried[i] = scale;
                float cut = largest[i] / scale > FP4_MAX ? largest[i] - FP4_MAX * scale : 0;
                any |= start[i] > below && cut * cut <= smallest[i];
            }
            return any;
        }

        /// Returns the smallest code of a normal scale under which nothing is cut off, the largest code if there is
        /// none.
        private int firstWithin(float amax) {
            int code = Math.clamp(
                    E4m3.encode(amax / (FP4_MAX * sweptScales[FIRST_NORMAL]) * E4m3.decode(FIRST_NORMAL)),
                    FIRST_NORMAL,
                    LAST_CODE);
            while (code > FIRST_NORMAL && amax / sweptScales[code - 1] <= FP4_MAX) {
                code--;
            }
            while (code < LAST_CODE && amax / sweptScales[code] > FP4_MAX) {
                code++;
            }
            return code;
        }
    }
}
