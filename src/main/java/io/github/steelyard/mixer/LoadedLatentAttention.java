package io.github.steelyard.mixer;

import io.github.steelyard.model.CacheTap;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// [LatentAttention] with its weights in memory.
final class LoadedLatentAttention implements SequenceBody.Loaded {

    private final LatentAttention attention;
    private final LinearGroup.Loaded first;
    private final Norm.@Nullable Loaded queryNorm;
    private final LinearGroup.@Nullable Loaded queryUp;
    private final Norm.Loaded latentNorm;
    private final LinearGroup.Loaded latentUp;
    private final LinearGroup.Loaded output;
    private final Rotary.Table rotary;
    private final CacheTap cache;
    private final Site latentSite;
    private final Site rotatedSite;

    LoadedLatentAttention(LatentAttention attention, Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        this.attention = attention;
        this.first = attention.first().load(weights, lane, memory);
        this.queryNorm =
                attention.queryLatent().map(q -> q.norm().load(weights)).orElse(null);
        this.queryUp = attention
                .queryLatent()
                .map(q -> q.up().load(weights, lane, memory))
                .orElse(null);
        this.latentNorm = attention.latentNorm().load(weights);
        this.latentUp = attention.latentUp().load(weights, lane, memory);
        this.output = attention.output().load(weights, lane, memory);
        this.rotary = attention.rotary().table(longest);
        this.cache = CacheTap.of(attention.module());
        this.latentSite = new Site(attention.module().name(), Role.LATENT);
        this.rotatedSite = new Site(attention.module().name(), Role.ROTATED_KEY);
    }

    @Override
    public void forward(float[] x, int tokens, float[] y, Lane lane) {
        AttentionCore core = attention.core();
        int heads = core.heads();
        try (Scratch.Frame frame = lane.frame()) {
            float[] projected = frame.floats((long) tokens * first.rows());
            first.forward(x, tokens, projected, Phase.PROJECTION, lane);
            float[] q = frame.floats((long) tokens * heads * core.keyWidth());
            float[] k = frame.floats((long) tokens * heads * core.keyWidth());
            float[] v = frame.floats((long) tokens * heads * core.valueWidth());
            queries(projected, tokens, q, lane);
            keysAndValues(projected, tokens, k, v, lane);
            cache.show(k, heads * core.keyWidth(), v, heads * core.valueWidth(), tokens, lane);
            float[] attended = frame.floats((long) tokens * heads * core.valueWidth());
            core.forward(q, k, v, new float[0], tokens, attended, lane);
            output.forward(attended, tokens, y, Phase.PROJECTION, lane);
        }
    }

    private void queries(float[] projected, int tokens, float[] q, Lane lane) {
        AttentionCore core = attention.core();
        int width = core.heads() * core.keyWidth();
        if (queryNorm == null || queryUp == null) {
            LoadedAttention.copyColumns(projected, 0, first.rows(), q, width, 0, tokens);
        } else {
            try (Scratch.Frame frame = lane.frame()) {
                float[] latent = frame.floats((long) tokens * queryUp.columns());
                queryNorm.forward(projected, 0, first.rows(), tokens, latent, 0, lane);
                queryUp.forward(latent, tokens, q, Phase.PROJECTION, lane);
            }
        }
        int unrotated = core.keyWidth() - attention.rotated();
        lane.shareRows(tokens, (from, count, worker) -> {
            for (int token = from; token < from + count; token++) {
                for (int head = 0; head < core.heads(); head++) {
                    rotary.turn(q, token * width + head * core.keyWidth() + unrotated, token, worker);
                }
            }
        });
    }

    private void keysAndValues(float[] projected, int tokens, float[] k, float[] v, Lane lane) {
        int latentWidth = latentUp.columns();
        int rotated = attention.rotated();
        int column = first.rows() - latentWidth - rotated;
        try (Scratch.Frame frame = lane.frame()) {
            float[] latent = frame.floats((long) tokens * latentWidth);
            float[] sharedKey = frame.floats((long) tokens * rotated);
            float[] expanded = frame.floats((long) tokens * latentUp.rows());
            latentNorm.forward(projected, column, first.rows(), tokens, latent, 0, lane);
            LoadedAttention.copyColumns(projected, column + latentWidth, first.rows(), sharedKey, rotated, 0, tokens);
            for (int token = 0; token < tokens; token++) {
                rotary.turn(sharedKey, token * rotated, token, lane);
            }
            showLatent(latent, latentWidth, sharedKey, rotated, tokens, lane);
            latentUp.forward(latent, tokens, expanded, Phase.PROJECTION, lane);
            lane.shareRows(tokens, (from, count, worker) -> assemble(expanded, sharedKey, from, count, k, v));
        }
    }

    private void showLatent(float[] latent, int width, float[] sharedKey, int rotated, int tokens, Lane lane) {
        if (lane.tap().watches(Role.LATENT)) {
            lane.show(List.of(latentSite), latent, 0, tokens, width);
        }
        if (lane.tap().watches(Role.ROTATED_KEY)) {
            lane.show(List.of(rotatedSite), sharedKey, 0, tokens, rotated);
        }
    }

    /// Splits each head of `expanded` into `[k_n | v]` and puts the shared key behind each `k_n`.
    private void assemble(float[] expanded, float[] sharedKey, int first, int tokens, float[] k, float[] v) {
        AttentionCore core = attention.core();
        int rotated = attention.rotated();
        int unrotated = core.keyWidth() - rotated;
        int from = first * core.heads() * (unrotated + core.valueWidth());
        for (int token = first; token < first + tokens; token++) {
            for (int head = 0; head < core.heads(); head++) {
                int row = token * core.heads() + head;
                System.arraycopy(expanded, from, k, row * core.keyWidth(), unrotated);
                System.arraycopy(sharedKey, token * rotated, k, row * core.keyWidth() + unrotated, rotated);
                System.arraycopy(expanded, from + unrotated, v, row * core.valueWidth(), core.valueWidth());
                from += unrotated + core.valueWidth();
            }
        }
    }
}
