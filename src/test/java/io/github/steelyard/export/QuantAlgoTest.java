package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.audit.Verification;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.testing.Shared;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Each format that can be declared: written, read back by its tensors, declared by its name, and near the source.
final class QuantAlgoTest {

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            FP8                       | FP8_TENSOR  | FP8   | {num_bits: e4m3} | {num_bits: e4m3}
            FP8_PER_CHANNEL_PER_TOKEN | FP8_CHANNEL | FP8_CHANNEL | {num_bits: e4m3, axis: 0} \
            | {num_bits: e4m3, block_sizes: {-1: null, type: dynamic}}
            fp8_pb_wo                 | FP8_BLOCK   | FP8_BLOCK | {num_bits: e4m3, block_sizes: {-1: 128, -2: 128}} |
            NVFP4                     | NVFP4       | NVFP4 \
            | {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}} \
            | {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}
            W4A16_NVFP4               | NVFP4       | W4A16_NVFP4 \
            | {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}} |
            mxfp4                     | MXFP4       | MXFP4 \
            | {num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}} |
            MXFP8                     | MXFP8       | MXFP8 \
            | {num_bits: e4m3, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}} \
            | {num_bits: e4m3, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}}
            """)
    void export_format_isReadBackAndDeclared(
            String algorithm, String kind, String declared, String weight, String input) {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(
                    decoder,
                    input == null
                            ? Exports.recipe("*.experts.*weight_quantizer", weight)
                            : Exports.recipe(
                                    "*.experts.*weight_quantizer", weight, "*.experts.*input_quantizer", input));
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            Verification verification = new CheckpointExporter(
                            ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(temp.resolve("out"), Map.of())
                    .verification();

            assertThat(verification.formats()).containsEntry(kind, 192L);
            assertThat(verification.errors())
                    .hasSize(192)
                    .allSatisfy(error -> assertThat(error.error().sqnr()).isGreaterThan(15));
        }
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            assertThat(written.json("hf_quant_config.json")
                            .flatMap(file -> file.object("quantization"))
                            .map(section -> section.string("quant_algo")))
                    .contains(algorithm);
            assertThat(written.quantization()
                            .declarationOf("model.layers.0.mlp.experts.0.up_proj")
                            .map(Declaration::label))
                    .contains(declared);
        }
    }

    // What compressed-tensors alone can declare is refused in ModelOpt's layout, and the other way round.
    @Test
    void plan_pairOfTheOtherDialect_isRefused() {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Recipe tiles = Exports.recipe(
                    "*.experts.*weight_quantizer", Exports.FP8_TILES, "*.experts.*input_quantizer", Exports.FP8_GROUPS);
            Recipe tilesAlone = Exports.recipe("*.experts.*weight_quantizer", Exports.FP8_TILES);

            assertThatThrownBy(Exports.plan(decoder, tiles)::requireServable)
                    .hasMessageContaining(
                            "ModelOpt's format has no name for this pair of formats: weight FP8_BLOCK, input"
                                    + " FP8_DYNAMIC_GROUP; export.format can be another");
            assertThatThrownBy(Exports.plan(decoder, Exports.inCompressedTensors(tilesAlone))::requireServable)
                    .hasMessageContaining(
                            "compressed-tensors's format has no name for this pair of formats: weight FP8_BLOCK,"
                                    + " input as it is");
            assertThatCode(Exports.plan(decoder, Exports.inCompressedTensors(tiles))::requireServable)
                    .doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            MXFP8    | MXFP8        | {num_bits: e4m3, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}} | yes
            MXFP4    | MXFP4        | {num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}} | no
            NVFP4_PACKED | NVFP4 \
            | {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}} | yes
            """)
    void export_formatInCompressedTensors_isReadBackAndDeclared(
            String kind, String declared, String weight, String input) {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(
                    decoder,
                    Exports.inCompressedTensors(
                            input.equals("yes")
                                    ? Exports.recipe(
                                            "*.experts.*weight_quantizer", weight, "*.experts.*input_quantizer", weight)
                                    : Exports.recipe("*.experts.*weight_quantizer", weight)));
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            Verification verification = new CheckpointExporter(
                            ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(temp.resolve("out"), Map.of())
                    .verification();

            assertThat(verification.formats()).containsEntry(kind, 192L);
            assertThat(verification.findings()).noneMatch(Finding::isError);
        }
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            assertThat(written.json("hf_quant_config.json")).isEmpty();
            assertThat(written.quantization()
                            .declarationOf("model.layers.0.mlp.experts.0.up_proj")
                            .map(Declaration::label))
                    .contains(declared);
        }
    }
}
