package io.github.steelyard.passes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.calibration.PlannedQuantizers;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.CheckpointScales;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext.RowMemory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizingTap;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsTap;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Reproduces rows of a perplexity table that an independent implementation made on a trained tiny model: what a choice
/// of scales costs, from nothing to a factor of seven.
final class PerplexityTableTest {

    private static final String BF16 = "models/tiny-qwen3-moe-bf16";
    private static final double PERPLEXITY_PERCENT = 0.5;
    private static final String SECTIONS = "\ncalibration:\n";

    @Test
    void unquantised_rowI() {
        assertThat(perplexity(BF16, Tap.NONE)).isCloseTo(row("i"), withinPercentage(0.01));
    }

    @ParameterizedTest
    @CsvSource({
        "ii, nvfp4-experts, expert",
        "ii-a, nvfp4-experts, layer",
        "iii, fp8-experts, expert",
        "iii-b, fp8_kv-fp8, expert"
    })
    void calibrated_rowsIiAndIii(String row, String recipe, String sharing) throws IOException {
        String text = recipe(recipe).replace("sharing: expert", "sharing: " + sharing);

        assertThat(calibratedPerplexity(text, 128, 8)).isCloseTo(row(row), withinPercentage(PERPLEXITY_PERCENT));
    }

    @ParameterizedTest
    @CsvSource({"iv, 1.0", "iv-b, 0.5"})
    void uncalibratedW2Input_rowsIv(String row, String amax) throws IOException {
        String rule = """

                    - quantizer_name: '*.experts.*down_proj.input_quantizer'
                      cfg:
                        num_bits: e2m1
                        block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}
                        constant_amax: %s
                """.formatted(amax);
        String text = recipe("nvfp4-experts").replace(SECTIONS, rule + SECTIONS);

        assertThat(calibratedPerplexity(text, 128, 8)).isCloseTo(row(row), withinPercentage(PERPLEXITY_PERCENT));
    }

    @Test
    void sixteenTokens_starvedExpertsTakeTheLayersMaximum_rowVc() throws IOException {
        String text = recipe("nvfp4-experts").replace("starved_experts: fail", "starved_experts: layer_max");

        assertThat(calibratedPerplexity(text, 16, 1)).isCloseTo(row("v-c"), withinPercentage(PERPLEXITY_PERCENT));
    }

    @Test
    void mixedCheckpoint_withItsOwnScales_rowMixed() {
        String mixed = "models/tiny-qwen3-moe-mixed";
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(mixed))) {
            List<ModuleInfo> modules = Families.of(checkpoint).modules();
            Tap tap = new FakeQuantizingTap(
                    CheckpointScales.read(checkpoint, modules).quantizers());

            assertThat(perplexity(mixed, tap)).isCloseTo(row("mixed"), withinPercentage(PERPLEXITY_PERCENT));
        }
    }

    @Test
    void sixteenTokens_amaxAndCoverage_matchTheReference() {
        JsonNode reference = Json.read(Shared.path("models/refs/perplexity.json"));
        Statistics statistics = calibrate(calibrationSequences(16, 1));

        JsonNode counts = reference.get("counts_16_tokens");
        for (int layer = 0; layer < counts.size(); layer++) {
            for (int expert = 0; expert < counts.get(layer).size(); expert++) {
                String module = "model.layers.%d.mlp.experts.%d".formatted(layer, expert);
                long tokens = counts.get(layer).get(expert).longValue();
                for (String projection : List.of("gate_proj", "down_proj")) {
                    SiteStatistics found = statistics
                            .at(new Site(module + "." + projection, Role.INPUT))
                            .orElseThrow();
                    assertThat(found.tokens()).as("tokens of %s", module).isEqualTo(tokens);
                    String site = module + (projection.equals("gate_proj") ? ".w13_in" : ".w2_in");
                    assertThat((double) found.amax())
                            .as(site)
                            .isCloseTo(
                                    reference.get("amax_16_tokens").path(site).doubleValue(), withinPercentage(1e-2));
                }
            }
        }
    }

    private static double calibratedPerplexity(String recipe, int tokens, int count) {
        Statistics statistics = calibrate(calibrationSequences(tokens, count));
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(BF16))) {
            Plan plan = Plan.of(
                    Recipe.parse(Path.of("configs/recipes/test.yaml"), recipe),
                    Families.of(checkpoint).modules());
            ScaleTable scales = ScaleTable.resolve(statistics, plan);
            return perplexity(BF16, new FakeQuantizingTap(PlannedQuantizers.of(plan, scales, module -> false)));
        }
    }

    private static Statistics calibrate(Sequences sequences) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(BF16))) {
            Decoder decoder = Families.of(checkpoint);
            List<Statistics> parts = new ArrayList<>(List.of(Statistics.unseen(decoder.modules())));
            StatisticsTap tap = new StatisticsTap(Kernels.fastest(), (part, layer) -> parts.add(part));
            run(checkpoint, sequences, tap, Optional.empty());
            parts.add(tap.take());
            return Statistics.merged(parts);
        }
    }

    private static double perplexity(String model, Tap tap) {
        List<int[]> windows = Json.readLines(Shared.path("models/valid.jsonl")).stream()
                .map(line -> Json.ints(line.get("input_ids")))
                .toList();
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(model))) {
            Sequences sequences = new Sequences(windows);
            Perplexity perplexity = new Perplexity(sequences);
            run(checkpoint, sequences, tap, Optional.of(perplexity));
            assertThat(perplexity.predictions()).isEqualTo(24257);
            return Math.exp(perplexity.mean());
        }
    }

    private static void run(Checkpoint checkpoint, Sequences sequences, Tap tap, Optional<HeadConsumer> head) {
        Decoder decoder = Families.of(checkpoint);
        Pass pass = new Pass(
                Kernels.fastest(),
                Gemm.select("auto"),
                tap,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                2,
                Profile.NONE);
        try (Arena arena = Arena.ofShared()) {
            new Engine(decoder, new CheckpointWeights(checkpoint), pass, RowMemory.ANONYMOUS)
                    .run(sequences, LayerStore.inMemory(arena, sequences, decoder.hidden()), EngineListener.NONE, head);
        }
    }

    private static Sequences calibrationSequences(int tokens, int count) {
        return new Sequences(Json.readLines(Shared.path("models/refs/calib.jsonl")).stream()
                .limit(count)
                .map(line -> Arrays.copyOf(Json.ints(line.get("token_ids")), tokens))
                .toList());
    }

    private static String recipe(String name) throws IOException {
        return Files.readString(Path.of("configs", "recipes", name + ".yaml"));
    }

    private static double row(String name) {
        for (JsonNode row :
                Json.read(Shared.path("models/refs/perplexity.json")).get("rows")) {
            if (row.get("row").textValue().equals(name)) {
                return row.get("ppl").doubleValue();
            }
        }
        throw new AssertionError("the table has no row " + name);
    }
}
