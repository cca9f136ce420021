package io.github.steelyard.mixer;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.Arrays;

/// The recurrence of Mamba2. For each head, with a state `Q (headWidth, stateWidth)` that begins at zero:
///
/// ```text
/// Q ← exp(Δ_t A) Q + (Δ_t X_t) B_tᵀ        Y_t = Q C_t + D X_t
/// ```
///
/// `X` belongs to a head, `B` and `C` to the group of `heads / groups` consecutive heads.
///
/// Source: `docs/NUMERICS.md`, "Recurrences".
///
/// @param heads number of heads
/// @param headWidth channels of a head
/// @param groups groups that share `B` and `C`
/// @param stateWidth values of `B` and `C`
public record SelectiveScan(int heads, int headWidth, int groups, int stateWidth) {

    /// Tokens that [#chunked] takes at once.
    static final int CHUNK = 64;

    /// @throws IllegalArgumentException if a product of extents overflows
    public SelectiveScan {
        Math.addExact(
                Math.multiplyExact(heads, headWidth), Math.multiplyExact(2, Math.multiplyExact(groups, stateWidth)));
    }

    /// Returns the channels of all heads together.
    public int innerColumns() {
        return heads * headWidth;
    }

    /// Returns the width of a row `[X | B | C]`.
    public int columns() {
        return innerColumns() + 2 * groups * stateWidth;
    }

    private int inputColumn(int group) {
        return innerColumns() + group * stateWidth;
    }

    private int outputColumn(int group) {
        return innerColumns() + (groups + group) * stateWidth;
    }

    /// Token by token: the specification.
    ///
    /// @param rows `[X | B | C]` of each token
    /// @param steps Δ `(tokens, heads)`
    /// @param rates A of each head, negative
    /// @param skips D of each head
    /// @param y receives `(tokens, heads * headWidth)`
    public void plain(float[] rows, float[] steps, float[] rates, float[] skips, int tokens, float[] y) {
        for (int head = 0; head < heads; head++) {
            int group = head / (heads / groups);
            float[] state = new float[headWidth * stateWidth];
            for (int token = 0; token < tokens; token++) {
                float step = steps[token * heads + head];
                float decay = (float) Math.exp(step * rates[head]);
                int in = token * columns() + inputColumn(group);
                int out = token * columns() + outputColumn(group);
                for (int channel = 0; channel < headWidth; channel++) {
                    float x = rows[token * columns() + head * headWidth + channel];
                    float sum = 0;
                    for (int i = 0; i < stateWidth; i++) {
                        int at = channel * stateWidth + i;
                        state[at] = decay * state[at] + step * x * rows[in + i];
                        sum += state[at] * rows[out + i];
                    }
                    y[token * innerColumns() + head * headWidth + channel] = sum + skips[head] * x;
                }
            }
        }
    }

    /// The same by matrix products over [#CHUNK] tokens at a time. With `s_i = Σ_{j ≤ i} Δ_j A` from the start of a
    /// chunk and the state `Q` before it:
    ///
    /// ```text
    /// Y_i = Σ_{j ≤ i} (C_i·B_j) exp(s_i − s_j) Δ_j X_j + exp(s_i) Q C_i + D X_i
    /// Q   ← exp(s_last) Q + Σ_j exp(s_last − s_j) Δ_j X_j B_jᵀ
    /// ```
    ///
    /// Exponents are never positive, so nothing overflows. Parameters as in [#plain].
    public void chunked(float[] rows, float[] steps, float[] rates, float[] skips, int tokens, float[] y, Lane lane) {
        int inGroup = heads / groups;
        try (Scratch.Frame frame = lane.frame()) {
            Chunk chunk = new Chunk(rows, steps, rates, skips, y, frame, lane);
            float[] states = frame.floats((long) inGroup * stateWidth * headWidth);
            for (int group = 0; group < groups; group++) {
                Arrays.fill(states, 0, inGroup * stateWidth * headWidth, 0);
                for (int from = 0; from < tokens; from += CHUNK) {
                    chunk.enter(group, from, Math.min(CHUNK, tokens - from));
                    for (int i = 0; i < inGroup; i++) {
                        chunk.head(group * inGroup + i, states, i * stateWidth * headWidth);
                    }
                }
            }
        }
    }

    /// The tokens of one chunk, for one group of heads.
    private final class Chunk {

        private final float[] rows;
        private final float[] steps;
        private final float[] rates;
        private final float[] skips;
        private final float[] y;
        private final Lane lane;
        private final float[] products; // (length, length): C_i·B_j
        private final float[] inputs; // (stateWidth, length): Bᵀ
        private final float[] mixed; // (length, length)
        private final float[] fromState; // (length, headWidth)
        private final float[] scaled; // (length, headWidth)
        private final double[] sums = new double[CHUNK]; // s_i
        private int from;
        private int length;
        private int outputs;

        Chunk(float[] rows, float[] steps, float[] rates, float[] skips, float[] y, Scratch.Frame frame, Lane lane) {
            this.rows = rows;
            this.steps = steps;
            this.rates = rates;
            this.skips = skips;
            this.y = y;
            this.lane = lane;
            this.products = frame.floats(CHUNK * CHUNK);
            this.inputs = frame.floats((long) stateWidth * CHUNK);
            this.mixed = frame.floats(CHUNK * CHUNK);
            this.fromState = frame.floats((long) CHUNK * headWidth);
            this.scaled = frame.floats((long) CHUNK * headWidth);
        }

        void enter(int group, int first, int count) {
            from = first;
            length = count;
            int row = from * columns();
            int b = row + inputColumn(group);
            outputs = row + outputColumn(group);
            Matrix chunkInputs = new Matrix(rows, b, length, stateWidth, columns());
            lane.multiplyTransposed(chunkOutputs(), chunkInputs, Update.SET, Matrix.dense(products, length, length));
            for (int j = 0; j < length; j++) {
                for (int i = 0; i < stateWidth; i++) {
                    inputs[i * length + j] = rows[b + j * columns() + i];
                }
            }
        }

        /// @param state `(stateWidth, headWidth)` from `at` on: before the chunk on entry, after it on return
        void head(int head, float[] state, int at) {
            sum(head);
            int x = from * columns() + head * headWidth;
            int out = from * innerColumns() + head * headWidth;
            mix(head);
            Matrix values = new Matrix(rows, x, length, headWidth, columns());
            Matrix result = new Matrix(y, out, length, headWidth, innerColumns());
            Matrix before = new Matrix(state, at, stateWidth, headWidth, headWidth);
            lane.multiply(Matrix.dense(mixed, length, length), values, Update.SET, result);
            lane.multiply(chunkOutputs(), before, Update.SET, Matrix.dense(fromState, length, headWidth));
            for (int i = 0; i < length; i++) {
                int row = out + i * innerColumns();
                lane.kernels().addScaled((float) Math.exp(sums[i]), fromState, i * headWidth, y, row, headWidth);
                lane.kernels().addScaled(skips[head], rows, x + i * columns(), y, row, headWidth);
            }
            advance(head, x, state, at);
        }

        private Matrix chunkOutputs() {
            return new Matrix(rows, outputs, length, stateWidth, columns());
        }

        private void sum(int head) {
            double sum = 0;
            for (int i = 0; i < length; i++) {
                sum += (double) steps[(from + i) * heads + head] * rates[head];
                sums[i] = sum;
            }
        }

        private void mix(int head) {
            for (int i = 0; i < length; i++) {
                int row = i * length;
                for (int j = 0; j <= i; j++) {
                    mixed[row + j] = (float) (sums[i] - sums[j]);
                }
                lane.kernels().exp(mixed, row, i + 1);
                for (int j = 0; j <= i; j++) {
                    mixed[row + j] *= products[row + j] * steps[(from + j) * heads + head];
                }
                Arrays.fill(mixed, row + i + 1, row + length, 0);
            }
        }

        private void advance(int head, int x, float[] state, int at) {
            double last = sums[length - 1];
            for (int j = 0; j < length; j++) {
                System.arraycopy(rows, x + j * columns(), scaled, j * headWidth, headWidth);
                float factor = (float) Math.exp(last - sums[j]) * steps[(from + j) * heads + head];
                lane.kernels().scale(factor, scaled, j * headWidth, headWidth);
            }
            lane.kernels().scale((float) Math.exp(last), state, at, stateWidth * headWidth);
            lane.multiply(
                    Matrix.dense(inputs, stateWidth, length),
                    Matrix.dense(scaled, length, headWidth),
                    Update.ADD,
                    new Matrix(state, at, stateWidth, headWidth, headWidth));
        }
    }
}
