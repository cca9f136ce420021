package io.github.steelyard.mixer;

import io.github.steelyard.model.CacheTap;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// [Attention] with its weights in memory.
final class LoadedAttention implements SequenceBody.Loaded {

    private final Attention attention;
    private final LinearGroup.Loaded qkv;
    private final LinearGroup.Loaded output;
    private final Norm.@Nullable Loaded queryNorm;
    private final Norm.@Nullable Loaded keyNorm;
    private final boolean fullWidth;
    private final Optional<Rotary.Table> rotary;
    private final float[] sinks;
    private final CacheTap cache;

    LoadedAttention(Attention attention, Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        this.attention = attention;
        this.qkv = attention.qkv().load(weights, lane, memory);
        this.output = attention.output().load(weights, lane, memory);
        switch (attention.headNorm()) {
            case Attention.HeadNorm.None none -> {
                this.queryNorm = null;
                this.keyNorm = null;
                this.fullWidth = false;
            }
            case Attention.HeadNorm.PerHead norms -> {
                this.queryNorm = norms.query().load(weights);
                this.keyNorm = norms.key().load(weights);
                this.fullWidth = false;
            }
            case Attention.HeadNorm.Rotated norms -> {
                this.queryNorm = norms.query().load(weights);
                this.keyNorm = norms.key().load(weights);
                this.fullWidth = false;
            }
            case Attention.HeadNorm.FullWidth norms -> {
                this.queryNorm = norms.query().load(weights);
                this.keyNorm = norms.key().load(weights);
                this.fullWidth = true;
            }
        }
        this.rotary = attention.rotary().map(r -> r.table(longest));
        this.sinks = attention
                .sinks()
                .map(name -> weights.vector(name, attention.core().heads()))
                .orElseGet(() -> new float[0]);
        this.cache = CacheTap.of(attention.module());
    }

    @Override
    public void forward(float[] x, int tokens, float[] y, Lane lane) {
        AttentionCore core = attention.core();
        int queryWidth = core.heads() * core.keyWidth();
        int keyWidth = core.keyHeads() * core.keyWidth();
        int valueWidth = core.keyHeads() * core.valueWidth();
        try (Scratch.Frame frame = lane.frame()) {
            float[] projected = frame.floats((long) tokens * qkv.rows());
            qkv.forward(x, tokens, projected, Phase.PROJECTION, lane);
            int keyOffset = qkv.rows() - keyWidth - valueWidth;
            float[] q = frame.floats((long) tokens * queryWidth);
            float[] k = frame.floats((long) tokens * keyWidth);
            float[] v = frame.floats((long) tokens * valueWidth);
            float[] gate = frame.floats(attention.variations().gated() ? (long) tokens * queryWidth : 0);
            lane.shareRows(tokens, (from, count, worker) -> {
                splitQueries(projected, from, count, q, gate);
                copyColumns(projected, keyOffset, qkv.rows(), k, keyWidth, from, count);
                copyColumns(projected, keyOffset + keyWidth, qkv.rows(), v, valueWidth, from, count);
                prepare(q, queryNorm, core.heads(), from, count, true, worker);
                prepare(k, keyNorm, core.keyHeads(), from, count, false, worker);
                clip(v, from * valueWidth, count * valueWidth);
            });
            cache.show(k, keyWidth, v, valueWidth, tokens, lane);
            float[] attended = frame.floats((long) tokens * core.heads() * core.valueWidth());
            core.forward(q, k, v, sinks, tokens, attended, lane);
            if (attention.variations().gated()) {
                int values = tokens * queryWidth;
                lane.kernels().sigmoid(gate, 0, values);
                lane.kernels().multiply(gate, 0, attended, 0, values);
            }
            output.forward(attended, tokens, y, Phase.PROJECTION, lane);
        }
    }

    private void splitQueries(float[] projected, int from, int tokens, float[] q, float[] gate) {
        AttentionCore core = attention.core();
        int width = core.keyWidth();
        if (!attention.variations().gated()) {
            copyColumns(projected, 0, qkv.rows(), q, core.heads() * width, from, tokens);
            return;
        }
        for (int token = from; token < from + tokens; token++) {
            for (int head = 0; head < core.heads(); head++) {
                int at = token * qkv.rows() + head * 2 * width;
                int to = (token * core.heads() + head) * width;
                System.arraycopy(projected, at, q, to, width);
                System.arraycopy(projected, at + width, gate, to, width);
            }
        }
    }

    /// Copies columns `column` to `column + width` of rows `first` to `first + rows`, `stride` apart, into dense rows.
    static void copyColumns(float[] from, int column, int stride, float[] to, int width, int first, int rows) {
        for (int row = first; row < first + rows; row++) {
            System.arraycopy(from, row * stride + column, to, row * width, width);
        }
    }

    /// Norm, clip and rotation of queries or keys.
    private void prepare(
            float[] x, Norm.@Nullable Loaded norm, int heads, int from, int tokens, boolean query, Lane lane) {
        int width = attention.core().keyWidth();
        int first = from * heads * width;
        boolean rotatedFirst = attention.headNorm() instanceof Attention.HeadNorm.Rotated;
        if (norm != null && !rotatedFirst) {
            int rowWidth = fullWidth ? heads * width : width;
            norm.forward(x, first, rowWidth, fullWidth ? tokens : tokens * heads, x, first, lane);
        }
        clip(x, first, tokens * heads * width);
        Attention.Variations variations = attention.variations();
        for (int token = from; token < from + tokens; token++) {
            float temperature = query ? variations.temperature().at(token) : 1;
            for (int head = 0; head < heads; head++) {
                int offset = (token * heads + head) * width;
                if (rotary.isPresent()) {
                    rotary.get().turn(x, offset, token, lane);
                }
                if (variations.normAfterRotation() > 0) {
                    lane.kernels()
                            .rmsNorm(x, offset, new float[0], 0, variations.normAfterRotation(), x, offset, width);
                }
                if (temperature != 1) {
                    lane.kernels().scale(temperature, x, offset, width);
                }
            }
        }
        if (norm != null && rotatedFirst) {
            norm.forward(x, first, width, tokens * heads, x, first, lane);
        }
    }

    private void clip(float[] x, int from, int values) {
        float bound = attention.variations().clip();
        if (bound > 0) {
            for (int i = from; i < from + values; i++) {
                x[i] = Math.clamp(x[i], -bound, bound);
            }
        }
    }
}
