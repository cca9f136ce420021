package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.PlannedQuantizers;
import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.calibration.WeightSearch;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Recipes that search scales by the weight alone, to the bytes of the export: against ModelOpt's, between threads, and
/// against fake quantization.
final class SearchedExportTest {

    private static final String GOLDEN = "conformance/golden/calibrators/";
    private static final String FOUR_OVER_SIX =
            "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3, four_over_six: 1}}";
    private static final String STATIC = "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}";
    private static final String FOUR_OVER_SIX_SEARCH =
            "{method: mse, start_multiplier: 1.0, stop_multiplier: 1.5, step_size: 0.5}";

    @TempDir
    private Path temp;

    @Test
    void export_fourOverSix_equalsModelOpt() throws IOException {
        Recipe recipe = recipe(FOUR_OVER_SIX_SEARCH, FOUR_OVER_SIX, Exports.NVFP4);

        assertThat(differences("four_over_six-nvfp4", recipe)).isEmpty();
    }

    // Servers keep q, k and v in one matrix under one FP8 scale, and so do we; ModelOpt writes three.
    @Test
    void export_mseFp8_equalsModelOptButForTheSharedScaleOfAttention() throws IOException {
        Map<String, Long> differing = differences("mse-fp8_tensor", recipe("mse", Exports.FP8, Exports.FP8));

        assertThat(differing.keySet())
                .isNotEmpty()
                .allMatch(name -> name.matches("model.layers.[03].self_attn.[qkv]_proj.weight(_scale)?"));
        try (Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + "mse-fp8_tensor/ckpt"));
                Checkpoint written = Checkpoint.open(temp.resolve("export"))) {
            for (int layer : new int[] {0, 3}) {
                float largest = 0;
                for (String projection : new String[] {"q_proj", "k_proj", "v_proj"}) {
                    largest = Math.max(largest, scale(golden, layer, projection));
                }
                for (String projection : new String[] {"q_proj", "k_proj", "v_proj"}) {
                    assertThat(scale(written, layer, projection)).isEqualTo(largest);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mse", "{method: mse, fp8_scale_sweep: true}", "{method: lsq}", "max"})
    void export_anyThreads_isTheSame_andWhatIsEvaluated(String algorithm) throws IOException {
        Recipe recipe = Exports.searched(
                algorithm,
                "*.experts.*weight_quantizer",
                STATIC,
                "*.experts.*input_quantizer",
                Exports.NVFP4,
                "*self_attn.[qkv]_proj.weight_quantizer",
                Exports.NVFP4,
                "*self_attn.[qkv]_proj.input_quantizer",
                Exports.NVFP4,
                "*self_attn.o_proj.weight_quantizer",
                "{num_bits: e4m3, axis: 0}",
                "*self_attn.o_proj.input_quantizer",
                "{num_bits: e4m3, block_sizes: {-1: null, type: dynamic}}");
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe);
            Statistics statistics = Exports.statistics(source, decoder);
            ScaleTable scales = scales(source, decoder, plan, statistics, 1);
            assertThat(scales(source, decoder, plan, statistics, 3)).isEqualTo(scales);
            for (int threads : new int[] {1, 3}) {
                new CheckpointExporter(
                                ExportSource.of(source, decoder),
                                plan,
                                scales,
                                new ExportRun(1L << 40, threads, b -> {}))
                        .export(temp.resolve("threads" + threads), Exports.noInputs());
            }
            assertThat(Files.mismatch(
                            temp.resolve("threads1/model.safetensors"), temp.resolve("threads3/model.safetensors")))
                    .isEqualTo(-1);
            assertEvaluated(source, decoder, PlannedQuantizers.of(plan, scales, module -> false));
        }
    }

    @Test
    void scales_ofSearchedWeights_sayWhereTheyComeFrom() {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe("mse", Exports.FP8, Exports.FP8));
            Statistics statistics = Exports.statistics(source, decoder);
            SiteScale gate = scales(source, decoder, plan, statistics, 2)
                    .at(new Site("model.layers.0.mlp.experts.0.gate_proj", Role.WEIGHT))
                    .orElseThrow();
            float own = Math.max(
                    amax(statistics, "model.layers.0.mlp.experts.0.gate_proj"),
                    amax(statistics, "model.layers.0.mlp.experts.0.up_proj"));

            assertThat(gate.origin()).isEqualTo(ScaleOrigin.SEARCHED);
            assertThat(gate.amax()).isNotEqualTo(own);
            assertThat(gate.detail()).isEqualTo("largest magnitude " + own);
        }
    }

    private static float amax(Statistics statistics, String module) {
        return statistics.at(new Site(module, Role.WEIGHT)).orElseThrow().amax();
    }

    private void assertEvaluated(Checkpoint source, Decoder decoder, Map<Site, FakeQuantizer> quantizers) {
        try (Checkpoint written = Checkpoint.open(temp.resolve("threads1"))) {
            int compared = 0;
            for (Linear linear : decoder.linears()) {
                FakeQuantizer quantizer = quantizers.get(linear.site(Role.WEIGHT));
                if (quantizer != null) {
                    int rows = linear.info().rows();
                    int columns = linear.info().columns();
                    float[] faked = new float[rows * columns];
                    linear.open(new CheckpointWeights(source)).decodeRows(0, rows, faked, 0);
                    quantizer.apply(faked, 0, rows, columns);
                    float[] served = new float[rows * columns];
                    linear.open(new CheckpointWeights(written)).decodeRows(0, rows, served, 0);
                    assertThat(faked).as(linear.info().name()).containsExactly(served);
                    compared++;
                }
            }
            assertThat(compared).isEqualTo(4 * 16 * 3 + 4 * 4);
        }
    }

    private static Recipe recipe(String algorithm, String weight, String input) {
        return Exports.searched(
                algorithm,
                "*self_attn.*_proj.weight_quantizer",
                weight,
                "*self_attn.*_proj.input_quantizer",
                input,
                "*.experts.*weight_quantizer",
                weight,
                "*.experts.*input_quantizer",
                input,
                "*[kv]_bmm_quantizer",
                Exports.FP8);
    }

    private static ScaleTable scales(
            Checkpoint source, Decoder decoder, Plan plan, Statistics statistics, int threads) {
        return ScaleTable.resolve(
                statistics,
                plan,
                Sharing.EXPERT,
                WeightSearch.of(plan, decoder, new CheckpointWeights(source), threads));
    }

    /// Exports with weights calibrated here and inputs as ModelOpt measured them, and returns what differs from its
    /// own.
    private Map<String, Long> differences(String run, Recipe recipe) throws IOException {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"));
                Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + run + "/ckpt"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe);
            TreeMap<Site, SiteStatistics> sites =
                    new TreeMap<>(Exports.statistics(source, decoder).sites());
            Exports.modelOptStatistics(Shared.path(GOLDEN + run + "/quantizers.json"), decoder)
                    .sites()
                    .forEach((site, found) -> {
                        if (site.role() != Role.WEIGHT) {
                            sites.put(site, found);
                        }
                    });
            ScaleTable scales = scales(source, decoder, plan, new Statistics(sites), 2);
            new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(temp.resolve("export"), Exports.noInputs());
            try (Checkpoint written = Checkpoint.open(temp.resolve("export"))) {
                return ModelOptGoldenTest.differingTensors(written, golden);
            }
        }
    }

    private static float scale(Checkpoint checkpoint, int layer, String projection) {
        String name = "model.layers.%d.self_attn.%s.weight_scale".formatted(layer, projection);
        return new CheckpointWeights(checkpoint)
                .vector(name, checkpoint.tensor(name).shape())[0];
    }
}
