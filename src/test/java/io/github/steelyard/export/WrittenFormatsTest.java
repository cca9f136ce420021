package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.calibration.PlannedQuantizers;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.CheckpointScales;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is written in a pair of formats, read back: the weights that were evaluated, and the quantizers of inputs that
/// were planned.
final class WrittenFormatsTest {

    private static final String LAYER = "model.layers.0.self_attn.";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            modelopt           | W4A16_AWQ           | {num_bits: 4, block_sizes: {-1: 32}}                    | none
            modelopt           | W4A16_AWQ           | {num_bits: 4, block_sizes: {-1: 48, type: static}}      | none
            modelopt           | W4A8_AWQ            | [{num_bits: 4, block_sizes: {-1: 64}}, {num_bits: e4m3}] | {num_bits: e4m3}
            modelopt           | W4A8_NVFP4_FP8      | {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}} | {num_bits: e4m3}
            modelopt           | W4A8_NVFP4_FP8      | {num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e4m3}} | {num_bits: e4m3}
            modelopt           | W4A8_MXFP4_FP8      | {num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}} | {num_bits: e4m3}
            modelopt           | W8A16               | {num_bits: 8, axis: 0}                                  | none
            modelopt           | W8A8_SQ_PER_CHANNEL | {num_bits: 8, axis: 0}                                  | {num_bits: 8}
            compressed-tensors | W4A16_AWQ           | {num_bits: 4, block_sizes: {-1: 16}}                    | none
            compressed-tensors | W8A8_SQ_PER_CHANNEL | {num_bits: 8, axis: 0}                                  | {num_bits: 8}
            compressed-tensors | W8A16_FP8           | {num_bits: e4m3}                                        | none
            compressed-tensors | W8A16_FP8_CHANNEL   | {num_bits: e4m3, axis: 0}                               | none
            compressed-tensors | W8A8_INT8           | {num_bits: 8, axis: 0}                                  | {num_bits: 8, type: dynamic, block_sizes: {-1: null}}
            compressed-tensors | W8A8_INT8_TENSOR    | {num_bits: 8}                                           | {num_bits: 8}
            """)
    void export_readBack_isWhatWasEvaluated(String dialect, String algo, String weight, String input)
            throws IOException {
        Recipe recipe = input.equals("none")
                ? Exports.recipe(LAYER + "*_proj.weight_quantizer", weight)
                : Exports.recipe(LAYER + "*_proj.weight_quantizer", weight, LAYER + "*_proj.input_quantizer", input);
        Path target = temp.resolve("export");
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan =
                    Exports.plan(decoder, dialect.equals("modelopt") ? recipe : Exports.inCompressedTensors(recipe));
            plan.requireServable();
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            Map<Site, FakeQuantizer> quantizers = PlannedQuantizers.of(plan, scales, module -> false);
            new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(target, Exports.noInputs());
            int compared = 0;
            try (Checkpoint written = Checkpoint.open(target)) {
                Map<Site, FakeQuantizer> carried =
                        CheckpointScales.read(written, decoder.modules()).quantizers();
                for (Linear linear : decoder.linears()) {
                    String module = linear.info().name();
                    if (module.startsWith(LAYER)) {
                        assertThat(plan.scheme(module).algorithm().orElseThrow().word())
                                .isEqualTo(algo);
                        float[] wanted = values(linear.open(new CheckpointWeights(source)));
                        quantizers
                                .get(new Site(module, Role.WEIGHT))
                                .apply(
                                        wanted,
                                        0,
                                        linear.info().rows(),
                                        linear.info().columns());
                        assertThat(values(linear.open(new CheckpointWeights(written))))
                                .as(module)
                                .containsExactly(wanted);
                        compareInput(quantizers, carried, new Site(module, Role.INPUT), !input.equals("none"));
                        compared++;
                    }
                }
            }
            assertThat(compared).isEqualTo(4);
        }
    }

    // Its readers divide the columns by the number of scales: of 128 columns in groups of 48, they would take 42.
    @Test
    void export_integersInGroupsThatAreNotWhole_isRefusedInCompressedTensors() {
        Recipe recipe = Exports.inCompressedTensors(
                Exports.recipe(LAYER + "*_proj.weight_quantizer", "{num_bits: 4, block_sizes: {-1: 48}}"));
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe);
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            CheckpointExporter exporter =
                    new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS);

            assertThatThrownBy(() -> exporter.export(temp.resolve("export"), Exports.noInputs()))
                    .hasMessageContaining(
                            "compressed-tensors needs input features in multiples of its groups of 48, found 128");
        }
    }

    private static void compareInput(
            Map<Site, FakeQuantizer> planned, Map<Site, FakeQuantizer> carried, Site site, boolean quantised) {
        assertThat(planned.containsKey(site)).isEqualTo(quantised);
        assertThat(carried.containsKey(site)).isEqualTo(quantised);
        if (quantised) {
            assertThat(carried.get(site).format()).isEqualTo(planned.get(site).format());
            assertThat(carried.get(site).amax()).isCloseTo(planned.get(site).amax(), Percentage.withPercentage(1e-4));
        }
    }

    private static float[] values(StoredWeight weight) {
        float[] values = new float[weight.rows() * weight.columns()];
        weight.decodeRows(0, weight.rows(), values, 0);
        return values;
    }
}
