package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.OverlaidWeights;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.synthesis.SyntheticFormat;
import io.github.steelyard.testing.SmallCheckpoint;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// An export of overlaid weights is the export of a checkpoint that stores them.
final class OverlaidExportTest {

    private static final Recipe EXPERTS_AND_ATTENTION = Exports.recipe(
            "*.experts.*weight_quantizer", Exports.NVFP4,
            "*.experts.*input_quantizer", Exports.NVFP4,
            "*self_attn.*weight_quantizer", Exports.FP8,
            "*self_attn.*input_quantizer", Exports.FP8);
    private static final Recipe KEYS_ONLY = Exports.recipe("*[kv]_bmm_quantizer", Exports.FP8);

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, self_attn.k_proj|mlp.gate|mlp.experts.1.up_proj|mlp.experts.2.down_proj",
        "llama-4-scout, self_attn.o_proj|feed_forward.experts.1.gate_proj|feed_forward.experts.1.up_proj",
        "gpt-oss-20b, self_attn.k_proj|mlp.experts.0.gate_proj|mlp.experts.0.up_proj|mlp.experts.3.down_proj"
    })
    void export_ofOverlaidWeights_isThatOfACheckpointWithThem(String model, String modules) throws IOException {
        Path original = SmallCheckpoint.write(model, temp);
        Set<String> replaced = SmallCheckpoint.inLastLayer(original, modules.split("\\|"));
        Path altered = SmallCheckpoint.altered(original, temp.resolve("altered"), replaced);

        for (boolean encoded : new boolean[] {true, false}) {
            Recipe recipe = encoded ? EXPERTS_AND_ATTENTION : KEYS_ONLY;
            String name = encoded ? "encoded" : "plain";
            ExportResult plain = export(original, original, Set.of(), recipe, name + "-before");
            ExportResult expected = export(altered, altered, Set.of(), recipe, name + "-expected");
            ExportResult overlaid = export(original, altered, replaced, recipe, name + "-overlaid");

            for (String file : Set.of("model.safetensors", "config.json", "hf_quant_config.json")) {
                assertThat(overlaid.directory().resolve(file))
                        .as("%s of %s", file, name)
                        .hasSameBinaryContentAs(expected.directory().resolve(file));
            }
            assertThat(Files.mismatch(
                            overlaid.directory().resolve("model.safetensors"),
                            plain.directory().resolve("model.safetensors")))
                    .as(name)
                    .isNotNegative();
        }
    }

    // Half of a matrix that transformers 5 put together is another weight's; an export is as the model is published.
    @Test
    void export_ofOverlaidWeightsOfAResavedCheckpoint_isThatOfThePublishedForm() {
        Path original = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Path resaved = SmallCheckpoint.resaved(original, temp.resolve("resaved"));
        Set<String> replaced =
                SmallCheckpoint.inLastLayer(original, "mlp.experts.1.up_proj", "mlp.experts.2.down_proj", "mlp.gate");
        Path altered = SmallCheckpoint.altered(original, temp.resolve("altered"), replaced);

        for (boolean encoded : new boolean[] {true, false}) {
            Recipe recipe = encoded ? EXPERTS_AND_ATTENTION : KEYS_ONLY;
            ExportResult expected = export(altered, altered, Set.of(), recipe, "expected" + encoded);
            ExportResult overlaid = export(resaved, altered, replaced, recipe, "overlaid" + encoded);

            assertThat(overlaid.directory().resolve("model.safetensors"))
                    .hasSameBinaryContentAs(expected.directory().resolve("model.safetensors"));
        }
    }

    // Codes that the source has in the format that is asked for are those of another weight.
    @Test
    void export_ofAModuleInTheAskedFormatAlready_encodesWhatLiesOverIt() {
        Path original = SmallCheckpoint.write("qwen3-30b-a3b", SyntheticFormat.NVFP4, temp);
        Path other = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Set<String> replaced = SmallCheckpoint.inLastLayer(original, "mlp.experts.2.down_proj");
        Recipe recipe = Exports.recipe(
                "*.experts.*weight_quantizer", Exports.NVFP4, "*.experts.*input_quantizer", Exports.NVFP4);

        ExportResult before = export(original, original, Set.of(), recipe, "before");
        ExportResult overlaid = export(original, other, replaced, recipe, "overlaid");

        long kept = before.modules().get("kept");
        assertThat(overlaid.modules()).containsEntry("kept", kept - 1).containsEntry("encoded", 1L);
        // The verification holds what was written against the source, overlaid as it is.
        assertThat(overlaid.verification().errors())
                .filteredOn(error -> replaced.contains(error.module()))
                .singleElement()
                .satisfies(error -> assertThat(error.error().sqnr()).isBetween(15.0, 40.0));
    }

    /// @param overlay the checkpoint that `replaced` come from
    private ExportResult export(Path source, Path overlay, Set<String> replaced, Recipe recipe, String name) {
        try (Checkpoint checkpoint = Checkpoint.open(source);
                Checkpoint over = Checkpoint.open(overlay)) {
            Decoder decoder = Families.of(checkpoint);
            Plan plan = Exports.plan(decoder, recipe);
            OverlaidWeights weights = OverlaidWeights.of(
                    new CheckpointWeights(checkpoint), decoder, SmallCheckpoint.weights(over, replaced));
            return new CheckpointExporter(
                            new ExportSource(weights, decoder),
                            plan,
                            ScaleTable.resolve(Exports.statistics(weights, decoder), plan),
                            Exports.OPTIONS)
                    .export(temp.resolve(name), Map.of());
        }
    }
}
