package io.github.steelyard.mixer;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.Arrays;

/// Causal softmax attention over one sequence: `o_i = Σ_j softmax_j(scale · q_i·k_j) v_j`.
///
/// Queries are taken in blocks so that scores `(block, keys)` stay in cache and only keys up to the end of a block are
/// touched.
///
/// @param heads query heads
/// @param keyHeads key and value heads; query head `h` uses key head `h / (heads / keyHeads)`
/// @param keyWidth width of a query and of a key
/// @param valueWidth width of a value
/// @param scale factor on the scores
/// @param mask which keys a query sees
public record AttentionCore(int heads, int keyHeads, int keyWidth, int valueWidth, float scale, AttentionMask mask) {

    private static final int BLOCK = MemoryPlan.QUERIES_AT_ONCE;
    private static final int ALIGNMENT = 64; // keys, so that slices of packed keys begin where they are fast

    /// Attends.
    ///
    /// @param q queries, row stride `heads * keyWidth`
    /// @param k keys, row stride `keyHeads * keyWidth`
    /// @param v values, row stride `keyHeads * valueWidth`
    /// @param sinks one extra logit of each head that takes probability and gives nothing; empty for none
    /// @param out receives `(tokens, heads * valueWidth)`
    void forward(float[] q, float[] k, float[] v, float[] sinks, int tokens, float[] out, Lane lane) {
        lane.shareGroups(keyHeads, Math.ceilDiv(tokens, BLOCK), (keyHead, deal, deals, worker) -> {
            long start = worker.begin();
            double flops = head(q, k, v, sinks, tokens, keyHead, deal, deals, out, worker);
            double bytes = 4.0 * tokens * (heads + keyHeads) * (keyWidth + valueWidth) / (keyHeads * deals);
            worker.end(Phase.ATTENTION, start, flops, bytes);
        });
    }

    /// Attends with the queries of one key head, in every `deals`th block from `deal` on. Returns the operations.
    private double head(
            float[] q,
            float[] k,
            float[] v,
            float[] sinks,
            int tokens,
            int keyHead,
            int deal,
            int deals,
            float[] out,
            Lane lane) {
        int group = heads / keyHeads;
        double flops = 0;
        try (Scratch.Frame frame = lane.frame()) {
            float[] scores = frame.floats((long) Math.min(BLOCK, tokens) * tokens);
            PackedWeight keys = frame.packed();
            PackedWeight values = frame.packed();
            lane.pack(columns(k, keyHead, keyHeads, keyWidth, 0, tokens), keys);
            lane.packTransposed(columns(v, keyHead, keyHeads, valueWidth, 0, tokens), values);
            for (int from = deal * BLOCK; from < tokens; from += deals * BLOCK) {
                int to = Math.min(from + BLOCK, tokens);
                int first = mask.first(from) / ALIGNMENT * ALIGNMENT;
                for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
                    float sink = sinks.length == 0 ? Float.NEGATIVE_INFINITY : sinks[head];
                    block(q, keys, values, sink, head, from, to, first, scores, out, lane);
                }
                flops += 2.0 * group * pairs(from, to) * (keyWidth + valueWidth);
            }
        }
        return flops;
    }

    /// Returns the number of query and key pairs that the mask lets through.
    private double pairs(int from, int to) {
        double pairs = 0;
        for (int i = from; i < to; i++) {
            pairs += i + 1 - mask.first(i);
        }
        return pairs;
    }

    private void block(
            float[] q,
            PackedWeight keys,
            PackedWeight values,
            float sink,
            int head,
            int from,
            int to,
            int first,
            float[] scores,
            float[] out,
            Lane lane) {
        int count = to - first;
        Matrix seen = Matrix.dense(scores, to - from, count);
        Matrix queries = columns(q, head, heads, keyWidth, from, to);
        lane.multiply(queries, keys.slice(first, to, 0, keyWidth), Update.SET, seen);
        for (int i = from; i < to; i++) {
            int row = (i - from) * count;
            int low = mask.first(i) - first;
            int high = i + 1 - first;
            lane.kernels().softmax(scale, scores, row + low, high - low, sink);
            Arrays.fill(scores, row, row + low, 0);
            Arrays.fill(scores, row + high, row + count, 0);
        }
        Matrix result = columns(out, head, heads, valueWidth, from, to);
        lane.multiply(seen, values.slice(0, valueWidth, first, to), Update.SET, result);
    }

    /// Returns the columns of one head in rows `from` to `to` of `x (tokens, count * width)`.
    private static Matrix columns(float[] x, int head, int count, int width, int from, int to) {
        return new Matrix(x, (from * count + head) * width, to - from, width, count * width);
    }
}
