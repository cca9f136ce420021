package io.github.steelyard.evaluation;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.ForwardPass;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.Perplexity;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.quant.FakeQuantizingTap;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// One pass over a text that collects its perplexity.
final class Evaluation {

    private final Compute compute;
    private final JobListener listener;
    private OptionalInt firstNotFinite = OptionalInt.empty(); // layer

    /// @param compute how the pass is computed
    Evaluation(Compute compute, JobListener listener) {
        this.compute = compute;
        this.listener = listener;
    }

    /// Says where the first value that is no number appeared, after a pass.
    String firstNotFinite() {
        return firstNotFinite(firstNotFinite);
    }

    /// Says where the first value that is no number appeared.
    ///
    /// @param layer the first layer that gave one, if any did
    static String firstNotFinite(OptionalInt layer) {
        return layer.isPresent()
                ? "the first appeared in layer " + layer.getAsInt()
                : "all layers gave finite values, so it is the final norm or the head";
    }

    /// Runs the pass.
    ///
    /// @param adapters what is added to the weights
    /// @param quantizers what is fake-quantised; empty for nothing
    /// @param logits receives the logits besides
    Perplexity run(
            Weights weights,
            Adapters adapters,
            Decoder decoder,
            Sequences sequences,
            Map<Site, FakeQuantizer> quantizers,
            Optional<? extends HeadConsumer> logits) {
        Perplexity perplexity = new Perplexity(sequences);
        HeadConsumer consumer = (sequence, values, tokens, from, count) -> {
            perplexity.panel(sequence, values, tokens, from, count);
            logits.ifPresent(also -> also.panel(sequence, values, tokens, from, count));
        };
        Tap tap = quantizers.isEmpty() ? Tap.NONE : new FakeQuantizingTap(quantizers);
        int threads = compute.threadsWithin(
                MemoryPlan.of(decoder, sequences, weights.checkpoint(), MemoryPlan.Purpose.EVALUATION)
                        .withAdapters(adapters::floats),
                listener);
        // Quantised or not, the arithmetic is the same: the two are compared.
        ExpertBackend experts = ForwardPass.experts(weights.checkpoint(), decoder, Optional.empty(), true);
        ForwardPass pass = new ForwardPass(
                adapters.over(weights, 0),
                decoder,
                sequences,
                compute.arithmetic(),
                compute.product(),
                experts,
                ShownTokens.NONE,
                threads);
        try (Arena arena = Arena.ofShared()) {
            LayerStore store = LayerStore.inMemory(arena, sequences, decoder.hidden());
            EngineListener watching = new EngineListener() {
                @Override
                public void layerDone(int layer, int layers) {
                    if (firstNotFinite.isEmpty() && !isFinite(store.output(layer))) {
                        firstNotFinite = OptionalInt.of(layer);
                    }
                }
            };
            EngineListener progress = listener.passBegins("evaluate", sequences.tokens());
            pass.run(
                    tap,
                    store,
                    CorpusContext.RowMemory.ANONYMOUS,
                    Profile.NONE,
                    progress.and(watching),
                    Optional.of(consumer));
        }
        return perplexity;
    }

    /// Returns whether all values are numbers.
    static boolean isFinite(HiddenStates states) {
        float[] row = new float[states.width()];
        for (long i = 0; i < states.tokens(); i++) {
            states.read(i, 1, row, 0);
            for (float value : row) {
                if (!Float.isFinite(value)) {
                    return false;
                }
            }
        }
        return true;
    }
}
