package io.github.steelyard.family;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext.RowMemory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.Perplexity;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsTap;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.Workers;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Assumptions;

/// Everything that one forward pass over a checkpoint gave.
///
/// @param decoder the model
/// @param statistics of every site; empty with the fused backend, which is run without a tap
/// @param logits of each sequence `(tokens, vocabulary)`
/// @param layers for each sequence and layer the residual stream after it `(tokens, hidden)`
/// @param perplexity of the same logits
public record ForwardRun(
        Decoder decoder,
        Statistics statistics,
        List<float[]> logits,
        List<List<float[]>> layers,
        Perplexity perplexity) {

    /// How to run.
    public record Options(Kernels kernels, Gemm gemm, ExpertBackend experts, boolean allTokens, int threads) {

        /// The plain loops on one thread: the specification.
        static Options reference() {
            return new Options(Kernels.reference(), Gemm.select("reference"), ExpertBackend.DECOMPOSED, false, 1);
        }

        /// What the tool takes by itself, on two threads.
        static Options fastest() {
            return new Options(Kernels.fastest(), Gemm.select("auto"), ExpertBackend.DECOMPOSED, false, 2);
        }

        /// With the product of three bf16 parts; skips the test where it does not run.
        static Options split() {
            Gemm gemm = Gemm.select("onednn-bf16x3");
            Assumptions.assumeTrue(gemm.name().startsWith("onednn-bf16x3-"), gemm.reason());
            return new Options(Kernels.fastest(), gemm, ExpertBackend.DECOMPOSED, false, 2);
        }

        Options threads(int threads) {
            return new Options(kernels, gemm, experts, allTokens, threads);
        }

        Options experts(ExpertBackend experts) {
            return new Options(kernels, gemm, experts, allTokens, threads);
        }

        Options withAllTokens() {
            return new Options(kernels, gemm, experts, true, threads);
        }
    }

    /// Runs the model in `directory` over `prompts`.
    static ForwardRun of(Path directory, List<int[]> prompts, Options options) {
        return of(directory, prompts, options, (weights, decoder) -> weights);
    }

    /// Runs the same with other weights.
    ///
    /// @param overlay lays something over the stored weights
    static ForwardRun of(
            Path directory,
            List<int[]> prompts,
            Options options,
            BiFunction<CheckpointWeights, Decoder, Weights> overlay) {
        return of(directory, prompts, options, 1, overlay);
    }

    /// Runs the same over several copies of a text.
    ///
    /// @param prompts all copies, one after the other
    static ForwardRun of(
            Path directory,
            List<int[]> prompts,
            Options options,
            int copies,
            BiFunction<CheckpointWeights, Decoder, Weights> overlay) {
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Arena arena = Arena.ofShared()) {
            Decoder decoder = Families.of(checkpoint);
            Sequences sequences = new Sequences(prompts);
            List<Statistics> parts = new ArrayList<>();
            boolean fused = options.experts() == ExpertBackend.FUSED;
            Variants variants = new Variants(copies, sequences.count() / copies, sequences.tokens() / copies);
            StatisticsTap statistics =
                    new StatisticsTap(options.kernels(), (part, layer) -> parts.add(part), Map.of(), variants);
            Pass pass = new Pass(
                    options.kernels(),
                    options.gemm(),
                    fused ? Tap.NONE : statistics,
                    options.experts(),
                    options.allTokens() ? ShownTokens.ALL : ShownTokens.NONE,
                    options.threads(),
                    Profile.NONE,
                    variants);
            List<float[]> logits = new ArrayList<>();
            List<List<float[]>> layers = new ArrayList<>();
            for (int[] prompt : prompts) {
                logits.add(new float[prompt.length * decoder.vocabulary()]);
                layers.add(new ArrayList<>());
            }
            Perplexity perplexity = new Perplexity(sequences);
            HeadConsumer head = (sequence, panel, tokens, from, count) -> {
                perplexity.panel(sequence, panel, tokens, from, count);
                for (int token = 0; token < tokens; token++) {
                    int to = token * decoder.vocabulary() + from;
                    System.arraycopy(panel, token * count, logits.get(sequence), to, count);
                }
            };
            LayerStore store = recording(LayerStore.inMemory(arena, sequences, decoder.hidden()), sequences, layers);
            new Engine(decoder, overlay.apply(new CheckpointWeights(checkpoint), decoder), pass, RowMemory.ANONYMOUS)
                    .run(sequences, store, EngineListener.NONE, Optional.of(head));
            parts.add(statistics.take());
            parts.add(Statistics.unseen(fused ? List.of() : decoder.modules()));
            return new ForwardRun(decoder, Statistics.merged(parts), logits, layers, perplexity);
        }
    }

    private static LayerStore recording(LayerStore store, Sequences sequences, List<List<float[]>> layers) {
        return new LayerStore() {
            @Override
            public int firstLayer() {
                return store.firstLayer();
            }

            @Override
            public HiddenStates input(int layer) {
                return store.input(layer);
            }

            @Override
            public HiddenStates output(int layer) {
                return store.output(layer);
            }

            @Override
            public void finished(int layer, Workers workers) {
                store.finished(layer, workers);
                HiddenStates states = store.input(layer + 1);
                for (int sequence = 0; layer >= 0 && sequence < sequences.count(); sequence++) {
                    float[] rows = new float[sequences.length(sequence) * states.width()];
                    states.read(sequences.start(sequence), sequences.length(sequence), rows, 0);
                    layers.get(sequence).add(rows);
                }
            }
        };
    }
}
