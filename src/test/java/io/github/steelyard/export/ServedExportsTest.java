package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.loader.Loader;
import io.github.steelyard.loader.Loaders;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions.Format;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.testing.Shared;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What the loaders of servers do with our exports, by their rules: the table of the README.
final class ServedExportsTest {

    @TempDir
    private Path temp;

    // Experts of gpt-oss are loaded by no server but as they are published.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "qwen3_moe",
                "qwen3_5_moe",
                "qwen3",
                "llama",
                "llama4_text",
                "mixtral",
                "olmoe",
                "glm4_moe",
                "nemotron_h",
                "nemotron_h_latent"
            })
    void exports_inBothLayouts_areLoadedByVllmAsTheyAre(String family) {
        for (Format format : List.of(Format.MODELOPT, Format.COMPRESSED_TENSORS)) {
            assertThat(served(family, everything(Exports.NVFP4), format, "vllm"))
                    .as("NVFP4 in %s", format)
                    .isEmpty();
            assertThat(served(family, mixed(), format, "vllm"))
                    .as("mixed in %s", format)
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "deepseek_v3, MODELOPT, vllm, server-ignores",
        "deepseek_v3, COMPRESSED_TENSORS, vllm, server-ignores",
        "deepseek_v2_lite, MODELOPT, vllm, server-ignores",
        "deepseek_v3, MODELOPT, tensorrt-llm, server-misreads",
        "gpt_oss, MODELOPT, vllm, server-refuses",
        "qwen3_moe, COMPRESSED_TENSORS, sglang, server-ignores",
        "qwen3_moe, COMPRESSED_TENSORS, tensorrt-llm, server-refuses",
        "qwen3_moe, MODELOPT, sglang, ''",
        "nemotron_h, MODELOPT, tensorrt-llm, ''"
    })
    void mixedExports_haveTheFindingsOfTheTable(String family, Format format, String server, String codes) {
        assertThat(String.join(" ", served(family, mixed(), format, server))).isEqualTo(codes);
    }

    @ParameterizedTest
    @CsvSource({
        "FP8_CHANNEL, MODELOPT, vllm, server-refuses",
        "FP8_CHANNEL, COMPRESSED_TENSORS, vllm, ''",
        "FP8_CHANNEL, COMPRESSED_TENSORS, tensorrt-llm, ''",
        "FP8_TILES, MODELOPT, vllm, server-refuses",
        "MXFP4, MODELOPT, vllm, server-refuses",
        "MXFP4, COMPRESSED_TENSORS, vllm, ''",
        "MXFP4, COMPRESSED_TENSORS, sglang, server-refuses",
        "MXFP8, MODELOPT, vllm, ''",
        "MXFP8, COMPRESSED_TENSORS, sglang, server-refuses",
        "NVFP4_ALONE, MODELOPT, vllm, ''",
        "NVFP4_ALONE, MODELOPT, sglang, server-refuses",
        "NVFP4_ALONE, COMPRESSED_TENSORS, sglang, server-refuses",
        "NVFP4_ALONE, COMPRESSED_TENSORS, tensorrt-llm, server-refuses",
        "FP8, COMPRESSED_TENSORS, tensorrt-llm, server-refuses",
        "FP8, MODELOPT, tensorrt-llm, ''"
    })
    void oneFormat_hasTheFindingsOfTheTable(String weights, Format format, String server, String codes) {
        Recipe recipe = switch (weights) {
            case "FP8" -> everything(Exports.FP8);
            case "FP8_CHANNEL" -> everything(Exports.FP8_CHANNEL, Exports.FP8_TOKEN);
            case "FP8_TILES" -> weightsAlone(Exports.FP8_TILES);
            case "MXFP4" -> weightsAlone(Exports.MXFP4);
            case "MXFP8" -> everything(Exports.MXFP8);
            case "NVFP4_ALONE" -> weightsAlone(Exports.NVFP4);
            default -> throw new IllegalArgumentException(weights);
        };

        assertThat(String.join(" ", served("qwen3_moe", recipe, format, server)))
                .isEqualTo(codes);
    }

    private static Recipe everything(String format) {
        return everything(format, format);
    }

    private static Recipe everything(String weight, String input) {
        List<String> rules = new ArrayList<>();
        for (String layers : List.of("*_proj", "*.experts.*.w?")) {
            rules.addAll(List.of(layers + ".weight_quantizer", weight, layers + ".input_quantizer", input));
        }
        return Exports.recipe(rules.toArray(String[]::new));
    }

    private static Recipe weightsAlone(String format) {
        return Exports.recipe("*_proj.weight_quantizer", format);
    }

    private static Recipe mixed() {
        return Exports.recipe(
                "*_proj.weight_quantizer", Exports.FP8,
                "*_proj.input_quantizer", Exports.FP8,
                "*kv_a_proj_with_mqa.weight_quantizer", Exports.FP8,
                "*kv_a_proj_with_mqa.input_quantizer", Exports.FP8,
                "*.experts.*weight_quantizer", Exports.NVFP4,
                "*.experts.*input_quantizer", Exports.NVFP4,
                "*[kv]_bmm_quantizer", Exports.FP8);
    }

    /// Returns the codes of what the server does otherwise than it should.
    private List<String> served(String family, Recipe recipe, Format format, String server) {
        Path out = temp.resolve("%s-%s-%d".formatted(format, server, recipe.hashCode()));
        Loader loader = Loaders.find(server);
        try (Checkpoint source = Checkpoint.open(Shared.path("conformance/architectures/" + family))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe.exportedAs(format));
            new CheckpointExporter(
                            ExportSource.of(source, decoder),
                            plan,
                            ScaleTable.resolve(Exports.statistics(source, decoder), plan),
                            Exports.OPTIONS)
                    .export(out, Exports.noInputs());
        }
        Stream<Finding> findings =
                new Auditor(Expectation.servable().servedBy(List.of(loader)), 2).audit(out).findings().stream();
        return findings.filter(finding -> finding.message().contains(loader.label()))
                .map(Finding::code)
                .distinct()
                .toList();
    }
}
