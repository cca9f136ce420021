package io.github.steelyard.cli;

import io.github.steelyard.calibration.Perplexity;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.ExpertBackend;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Site;
import io.github.steelyard.model.Tap;
import io.github.steelyard.model.Weights;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.quant.FakeQuantizingTap;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Optional;

/// One pass over a text that collects its perplexity.
///
/// @param console where progress is shown
/// @param engine how the pass is computed
record Evaluation(Console console, EngineOptions engine) {

    /// Runs the pass.
    ///
    /// @param quantizers what is fake-quantised; empty for nothing
    /// @param logits receives the logits besides
    Perplexity run(
            Checkpoint checkpoint,
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
        int threads = engine.threadsWithin(
                MemoryPlan.of(decoder, sequences, checkpoint, MemoryPlan.Purpose.EVALUATION), console);
        Pass pass =
                new Pass(engine.kernels(), engine.gemm(), tap, ExpertBackend.DECOMPOSED, false, threads, Profile.NONE);
        try (Arena arena = Arena.ofShared()) {
            new Engine(decoder, new Weights(checkpoint), pass, CorpusContext.RowMemory.ANONYMOUS)
                    .run(
                            sequences,
                            LayerStore.inMemory(arena, sequences, decoder.hidden()),
                            new Progress(console, "evaluate", sequences.tokens()),
                            Optional.of(consumer));
        }
        return perplexity;
    }
}
