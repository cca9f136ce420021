package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext.RowMemory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizingTap;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// What a search over weights is worth on the trained tiny model: how far the model's answers are from the unquantised
/// one's, experts in NVFP4, inputs as they are. `docs/ACCURACY.md` has the whole text and quantised inputs.
final class SearchedWeightsTest {

    private static final int WINDOWS = 24;
    private static final String DYNAMIC = "{num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}";
    private static final String STATIC = "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}";
    private static final String ROOM =
            "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3, four_over_six: true}}";

    @Test
    void divergence_ofSearchedBlocks_isBelowThatOfTheLargestMagnitude() {
        float[][] plain = logits(Tap.NONE);
        double max = divergence(plain, logits("max", DYNAMIC));

        assertThat(divergence(plain, logits("mse", STATIC))).isLessThan(0.95 * max);
        assertThat(divergence(plain, logits("{method: mse, fp8_scale_sweep: true}", STATIC)))
                .isLessThan(0.95 * max);
        assertThat(divergence(
                        plain,
                        logits("{method: mse, start_multiplier: 1, stop_multiplier: 1.5, step_size: 0.5}", ROOM)))
                .isLessThan(0.95 * max);
    }

    private static float[][] logits(String algorithm, String weight) {
        Recipe recipe = Recipe.parse(Path.of("test.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: %s
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*.experts.*weight_quantizer', cfg: %s}
                """.formatted(algorithm, weight));
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(checkpoint);
            CheckpointWeights weights = new CheckpointWeights(checkpoint);
            Plan plan = Plan.of(recipe, decoder.modules());
            TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
            for (Linear linear : decoder.linears()) {
                float[] values = new float[linear.info().rows() * linear.info().columns()];
                linear.open(weights).decodeRows(0, linear.info().rows(), values, 0);
                sites.put(
                        linear.site(Role.WEIGHT),
                        SiteStatistics.of(Kernels.fastest().absMax(values, 0, values.length), 1, 0));
            }
            ScaleTable scales = ScaleTable.resolve(
                    new Statistics(sites), plan, Sharing.EXPERT, WeightSearch.of(plan, decoder, weights, 2));
            return logits(new FakeQuantizingTap(PlannedQuantizers.of(plan, scales, module -> false)));
        }
    }

    /// Returns the logits of each sequence, `(tokens, vocabulary)`.
    private static float[][] logits(Tap tap) {
        List<int[]> windows = Json.readLines(Shared.path("models/valid.jsonl")).stream()
                .limit(WINDOWS)
                .map(line -> Json.ints(line.get("input_ids")))
                .toList();
        float[][] all = new float[WINDOWS][];
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"));
                Arena arena = Arena.ofShared()) {
            Decoder decoder = Families.of(checkpoint);
            Sequences sequences = new Sequences(windows);
            Pass pass = new Pass(
                    Kernels.fastest(),
                    Gemm.select("auto"),
                    tap,
                    ExpertBackend.DECOMPOSED,
                    ShownTokens.NONE,
                    1,
                    Profile.NONE);
            new Engine(decoder, new CheckpointWeights(checkpoint), pass, RowMemory.ANONYMOUS)
                    .run(
                            sequences,
                            LayerStore.inMemory(arena, sequences, decoder.hidden()),
                            EngineListener.NONE,
                            Optional.of((sequence, values, tokens, from, count) -> {
                                if (all[sequence] == null) {
                                    all[sequence] = new float[tokens * decoder.vocabulary()];
                                }
                                for (int token = 0; token < tokens; token++) {
                                    System.arraycopy(
                                            values,
                                            token * count,
                                            all[sequence],
                                            token * decoder.vocabulary() + from,
                                            count);
                                }
                            }));
        }
        return all;
    }

    /// Returns the mean Kullback-Leibler divergence of each next token's distribution from the plain one, in nats.
    private static double divergence(float[][] plain, float[][] quantised) {
        double sum = 0;
        long tokens = 0;
        for (int sequence = 0; sequence < plain.length; sequence++) {
            int vocabulary = 1040;
            for (int at = 0; at < plain[sequence].length; at += vocabulary, tokens++) {
                double normal = logSum(plain[sequence], at, vocabulary);
                double other = logSum(quantised[sequence], at, vocabulary);
                for (int i = at; i < at + vocabulary; i++) {
                    double p = plain[sequence][i] - normal;
                    sum += Math.exp(p) * (p - (quantised[sequence][i] - other));
                }
            }
        }
        return sum / tokens;
    }

    private static double logSum(float[] logits, int from, int count) {
        double sum = 0;
        for (int i = from; i < from + count; i++) {
            sum += Math.exp(logits[i]);
        }
        return Math.log(sum);
    }
}
