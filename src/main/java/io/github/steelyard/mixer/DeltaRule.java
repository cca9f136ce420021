package io.github.steelyard.mixer;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.Arrays;

/// The gated delta rule of Gated DeltaNet. For each value head, with a state `S (keyWidth, valueWidth)` that begins at
/// zero:
///
/// ```text
/// S ← g_t S       δ = β_t (v_t − Sᵀ k_t)       S ← S + k_t δᵀ       o_t = Sᵀ q_t
/// ```
///
/// Value head `h` uses key head `h / (valueHeads / keyHeads)`.
///
/// Source: `docs/NUMERICS.md`, "Recurrences".
///
/// @param keyHeads heads of q and k
/// @param valueHeads heads of v, a multiple
/// @param keyWidth width of q and k
/// @param valueWidth width of v
public record DeltaRule(int keyHeads, int valueHeads, int keyWidth, int valueWidth) {

    /// Tokens that [#chunked] takes at once.
    static final int CHUNK = 64;

    /// Rows that forward substitution solves one after the other.
    private static final int SOLVED = 16;

    /// @throws IllegalArgumentException if a product of extents overflows
    public DeltaRule {
        Math.addExact(
                Math.multiplyExact(2, Math.multiplyExact(keyHeads, keyWidth)),
                Math.multiplyExact(valueHeads, valueWidth));
    }

    /// Returns the width of q of all heads together.
    int keyColumns() {
        return keyHeads * keyWidth;
    }

    /// Returns the width of v of all heads together.
    public int valueColumns() {
        return valueHeads * valueWidth;
    }

    /// Returns the width of a row `[q | k | v]`.
    public int columns() {
        return 2 * keyColumns() + valueColumns();
    }

    /// Token by token: the specification.
    ///
    /// @param rows `[q | k | v]` of each token, q and k normalised
    /// @param rates β `(tokens, valueHeads)`
    /// @param logDecays ln g `(tokens, valueHeads)`, never positive
    /// @param o receives `(tokens, valueHeads * valueWidth)`
    public void plain(float[] rows, float[] rates, float[] logDecays, int tokens, float[] o) {
        float[] delta = new float[valueWidth];
        for (int head = 0; head < valueHeads; head++) {
            int keyHead = head / (valueHeads / keyHeads);
            float[] state = new float[keyWidth * valueWidth];
            for (int token = 0; token < tokens; token++) {
                int q = token * columns() + keyHead * keyWidth;
                int k = q + keyColumns();
                int v = token * columns() + 2 * keyColumns() + head * valueWidth;
                float decay = (float) Math.exp(logDecays[token * valueHeads + head]);
                float rate = rates[token * valueHeads + head];
                for (int j = 0; j < valueWidth; j++) {
                    float recalled = 0;
                    for (int i = 0; i < keyWidth; i++) {
                        state[i * valueWidth + j] *= decay;
                        recalled += state[i * valueWidth + j] * rows[k + i];
                    }
                    delta[j] = rate * (rows[v + j] - recalled);
                }
                for (int j = 0; j < valueWidth; j++) {
                    float sum = 0;
                    for (int i = 0; i < keyWidth; i++) {
                        state[i * valueWidth + j] += rows[k + i] * delta[j];
                        sum += state[i * valueWidth + j] * rows[q + i];
                    }
                    o[token * valueColumns() + head * valueWidth + j] = sum;
                }
            }
        }
    }

    /// The same by matrix products over [#CHUNK] tokens at a time. With `s_i = Σ_{j ≤ i} ln g_j` from the start of a
    /// chunk and the state `S` before it, the rows δ of a chunk solve a triangular system:
    ///
    /// ```text
    /// δ_i = β_i (v_i − exp(s_i) Sᵀ k_i − Σ_{j < i} exp(s_i − s_j) (k_i·k_j) δ_j)
    /// o_i = exp(s_i) Sᵀ q_i + Σ_{j ≤ i} exp(s_i − s_j) (q_i·k_j) δ_j
    /// S   ← exp(s_last) S + Σ_j exp(s_last − s_j) k_j δ_jᵀ
    /// ```
    ///
    /// Exponents are never positive, so nothing overflows. Parameters as in [#plain].
    public void chunked(float[] rows, float[] rates, float[] logDecays, int tokens, float[] o, Lane lane) {
        int shared = valueHeads / keyHeads;
        int stateSize = keyWidth * valueWidth;
        try (Scratch.Frame frame = lane.frame()) {
            Chunk chunk = new Chunk(rows, rates, logDecays, o, frame, lane);
            float[] states = frame.floats((long) shared * stateSize);
            for (int keyHead = 0; keyHead < keyHeads; keyHead++) {
                Arrays.fill(states, 0, shared * stateSize, 0);
                for (int from = 0; from < tokens; from += CHUNK) {
                    chunk.enter(keyHead, from, Math.min(CHUNK, tokens - from));
                    for (int i = 0; i < shared; i++) {
                        chunk.head(keyHead * shared + i, states, i * stateSize);
                    }
                }
            }
        }
    }

    /// The tokens of one chunk, for one key head.
    private final class Chunk {

        private final float[] rows;
        private final float[] rates;
        private final float[] logDecays;
        private final float[] o;
        private final Lane lane;
        private final float[] keyKey; // (length, length): k_i·k_j
        private final float[] queryKey; // (length, length): q_i·k_j
        private final float[] keys; // (keyWidth, length): transposed
        private final float[] weights; // (length, length)
        private final float[] deltas; // (length, valueWidth)
        private final float[] fromState; // (length, valueWidth)
        private final double[] sums = new double[CHUNK]; // s_i
        private int from;
        private int length;
        private int q;

        Chunk(float[] rows, float[] rates, float[] logDecays, float[] o, Scratch.Frame frame, Lane lane) {
            this.rows = rows;
            this.rates = rates;
            this.logDecays = logDecays;
            this.o = o;
            this.lane = lane;
            this.keyKey = frame.floats(CHUNK * CHUNK);
            this.queryKey = frame.floats(CHUNK * CHUNK);
            this.weights = frame.floats(CHUNK * CHUNK);
            this.keys = frame.floats((long) keyWidth * CHUNK);
            this.deltas = frame.floats((long) CHUNK * valueWidth);
            this.fromState = frame.floats((long) CHUNK * valueWidth);
        }

        void enter(int keyHead, int first, int count) {
            from = first;
            length = count;
            q = from * columns() + keyHead * keyWidth;
            int k = q + keyColumns();
            int stride = columns();
            Matrix chunkKeys = new Matrix(rows, k, length, keyWidth, stride);
            Matrix queries = new Matrix(rows, q, length, keyWidth, stride);
            lane.multiplyTransposed(chunkKeys, chunkKeys, Update.SET, square(keyKey));
            lane.multiplyTransposed(queries, chunkKeys, Update.SET, square(queryKey));
            for (int j = 0; j < length; j++) {
                for (int i = 0; i < keyWidth; i++) {
                    keys[i * length + j] = rows[k + j * stride + i];
                }
            }
        }

        /// @param state `(keyWidth, valueWidth)` from `at` on: before the chunk on entry, after it on return
        void head(int head, float[] state, int at) {
            double sum = 0;
            for (int i = 0; i < length; i++) {
                sum += logDecays[(from + i) * valueHeads + head];
                sums[i] = sum;
            }
            solve(head, state, at);
            int out = from * valueColumns() + head * valueWidth;
            weigh(queryKey, 1);
            Matrix outputs = new Matrix(o, out, length, valueWidth, valueColumns());
            lane.multiply(square(weights), values(deltas), Update.SET, outputs);
            recall(q, state, at);
            for (int i = 0; i < length; i++) {
                float decay = (float) Math.exp(sums[i]);
                int row = out + i * valueColumns();
                lane.kernels().addScaled(decay, fromState, i * valueWidth, o, row, valueWidth);
            }
            advance(state, at);
        }

        /// Puts what the state gives for each of the chunk's keys or queries into `fromState`.
        private void recall(int at, float[] state, int stateAt) {
            Matrix asked = new Matrix(rows, at, length, keyWidth, columns());
            lane.multiply(asked, states(state, stateAt), Update.SET, values(fromState));
        }

        /// One row and column for each token of the chunk.
        private Matrix square(float[] x) {
            return Matrix.dense(x, length, length);
        }

        /// One value for each token of the chunk.
        private Matrix values(float[] x) {
            return Matrix.dense(x, length, valueWidth);
        }

        private Matrix states(float[] state, int at) {
            return new Matrix(state, at, keyWidth, valueWidth, valueWidth);
        }

        /// Solves for the rows δ by forward substitution: blocks of earlier rows by matrix products, rows within a
        /// block one by one.
        private void solve(int head, float[] state, int at) {
            recall(q + keyColumns(), state, at);
            int v = from * columns() + 2 * keyColumns() + head * valueWidth;
            weigh(keyKey, -1);
            for (int i = 0; i < length; i++) {
                float rate = rates[(from + i) * valueHeads + head];
                int row = i * valueWidth;
                System.arraycopy(rows, v + i * columns(), deltas, row, valueWidth);
                lane.kernels().addScaled((float) -Math.exp(sums[i]), fromState, row, deltas, row, valueWidth);
                lane.kernels().scale(rate, deltas, row, valueWidth);
                lane.kernels().scale(rate, weights, i * length, i);
            }
            for (int block = 0; block < length; block += SOLVED) {
                int end = Math.min(block + SOLVED, length);
                if (block > 0) {
                    Matrix earlier = square(weights).rowRange(block, end).columnRange(0, block);
                    Matrix solved = values(deltas).rowRange(0, block);
                    lane.multiply(earlier, solved, Update.ADD, values(deltas).rowRange(block, end));
                }
                for (int i = block + 1; i < end; i++) {
                    for (int j = block; j < i; j++) {
                        float weight = weights[i * length + j];
                        lane.kernels().addScaled(weight, deltas, j * valueWidth, deltas, i * valueWidth, valueWidth);
                    }
                }
            }
        }

        /// Sets `weights` to `sign · products · exp(s_i − s_j)` on and below the diagonal, 0 above it.
        private void weigh(float[] products, float sign) {
            for (int i = 0; i < length; i++) {
                int row = i * length;
                for (int j = 0; j <= i; j++) {
                    weights[row + j] = (float) (sums[i] - sums[j]);
                }
                lane.kernels().exp(weights, row, i + 1);
                for (int j = 0; j <= i; j++) {
                    weights[row + j] *= sign * products[row + j];
                }
                Arrays.fill(weights, row + i + 1, row + length, 0);
            }
        }

        private void advance(float[] state, int at) {
            double last = sums[length - 1];
            for (int j = 0; j < length; j++) {
                lane.kernels().scale((float) Math.exp(last - sums[j]), deltas, j * valueWidth, valueWidth);
            }
            lane.kernels().scale((float) Math.exp(last), state, at, keyWidth * valueWidth);
            lane.multiply(Matrix.dense(keys, keyWidth, length), values(deltas), Update.ADD, states(state, at));
        }
    }
}
