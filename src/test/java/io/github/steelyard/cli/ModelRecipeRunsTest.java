package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TinyModelReference;
import io.github.steelyard.testing.TokenIds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// `run` from the recipe of each model: calibration, export and verification of the tiny checkpoint of its family, in
/// every format that it is there in, and of a synthetic one of the published format. The export, run itself with the
/// scales in it, gives to the last bit what the calibrated model gives with fake quantization.
final class ModelRecipeRunsTest {

    private static final int VOCABULARY = 160; // of the tiny checkpoints

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, qwen3_moe, NVFP4, FP8",
        "qwen3-30b-a3b, qwen3_moe/nvfp4, NVFP4, FP8",
        "qwen3.6-35b-a3b, qwen3_5_moe, MIXED_PRECISION, FP8",
        "qwen3.6-35b-a3b, qwen3_5_moe/modelopt_mixed, MIXED_PRECISION, FP8",
        "mixtral-8x7b, mixtral, NVFP4, FP8",
        "nemotron-3-nano-30b-a3b, nemotron_h, NVFP4, FP8",
        "nemotron-3-super-120b-a12b, nemotron_h_latent, MIXED_PRECISION, FP8",
        "gpt-oss, gpt_oss, NVFP4, FP8",
        "gpt-oss, gpt_oss/mxfp4, NVFP4, FP8",
        "deepseek-v3, deepseek_v3, NVFP4, ''",
        "deepseek-v3, deepseek_v3/fp8_block, NVFP4, ''",
        "kimi-k2, kimi_k2, NVFP4, ''",
        "glm-4.5-air, glm4_moe, NVFP4, FP8",
        "olmoe-1b-7b, olmoe, MIXED_PRECISION, FP8"
    })
    void tinyCheckpoint_exportComputesWhatWasPlanned(String recipe, String family, String algorithm, String cache)
            throws IOException {
        Path model = Shared.path("conformance/architectures/" + family);
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), VOCABULARY, 40, 33, 7);

        assertExports(model, CommandRun.recipe(recipe), data, algorithm, cache);
    }

    // Without shared data too. The embedded checkpoint has NVFP4 and FP8 experts, FP8 attention and an FP8 cache.
    @Test
    void demoCheckpoint_exportComputesWhatWasPlanned() throws IOException {
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), VOCABULARY, 120, 120, 120, 120);
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts_kv-fp8",
                "starved_experts: fail",
                "starved_experts: layer_max");

        assertExports(TinyModelReference.DEMO, recipe, data, "MIXED_PRECISION", "FP8");
    }

    // What the recipe leaves alone keeps the synthetic checkpoint's FP8.
    @ParameterizedTest
    @CsvSource({
        "nemotron-3-nano-30b-a3b, nemotron_h, mixed, MIXED_PRECISION",
        "gpt-oss, gpt_oss, mxfp4, NVFP4",
        "kimi-k2, kimi_k2, fp8_block, NVFP4"
    })
    void syntheticCheckpoint_ofAPublishedFormat_isExported(
            String recipe, String family, String format, String algorithm) throws IOException {
        Path config = Shared.path("conformance/architectures/" + family + "/config.json");
        Path model = temp.resolve("model");
        CommandRun.of("synthesize", config, "--format", format, "--seed", 3, "--out", model)
                .expect(ExitCode.OK);
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), VOCABULARY, 40, 33, 7);

        CommandRun.of("run", model, "--recipe", CommandRun.recipe(recipe), "--data", data, "--out", temp.resolve("out"))
                .expect(ExitCode.OK);

        assertThat(declared().path("quant_algo").textValue()).isEqualTo(algorithm);
    }

    // Servers read the experts of gpt-oss in one tensor; ModelOpt's recipe units name them so too.
    @Test
    void gptOss_exportsFusedExperts() throws IOException {
        Path model = Shared.path("conformance/architectures/gpt_oss/mxfp4");
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), VOCABULARY, 40, 33, 7);

        assertExports(model, CommandRun.recipe("gpt-oss"), data, "NVFP4", "FP8");

        try (Checkpoint export = Checkpoint.open(temp.resolve("out/export"))) {
            assertThat(export.tensors().keySet())
                    .contains(
                            "model.layers.0.mlp.experts.gate_up_proj",
                            "model.layers.0.mlp.experts.gate_up_proj_weight_scale_2",
                            "model.layers.0.mlp.experts.down_proj_input_scale",
                            "model.layers.0.mlp.experts.down_proj_bias")
                    .noneMatch(name -> name.contains("_blocks") || name.contains("experts.0."));
        }
    }

    // No published DeepSeek quantises its cache; a server would hold the latent and the rotated key under one scale.
    @ParameterizedTest
    @ValueSource(strings = {"'*[kv]_bmm_quantizer'", "'*k[v_][_p][ce]_bmm_quantizer'"})
    void latentCache_isShippedAsPlanned(String quantizers) throws IOException {
        Path model = Shared.path("conformance/architectures/deepseek_v3");
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), VOCABULARY, 40, 33, 7);
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts_kv-fp8",
                "'*[kv]_bmm_quantizer'",
                quantizers,
                "starved_experts: fail",
                "starved_experts: layer_max");

        assertExports(model, recipe, data, "NVFP4", "FP8");
    }

    private void assertExports(Path model, String recipe, Path data, String algorithm, String cache) {
        Path export = temp.resolve("out/export");
        JsonNode json = CommandRun.of(
                        "run", model, "--recipe", recipe, "--data", data, "--out", temp.resolve("out"), "--json")
                .expect(ExitCode.OK)
                .json();
        CommandRun.of("verify", export, "--source", model).expect(ExitCode.OK);
        double planned = perplexity(model, data, "--run", temp.resolve("out/run"));
        double shipped = perplexity(export, data, "--fake-quant");

        assertThat(json.get("calibration").get("status").textValue()).isEqualTo("complete");
        assertThat(declared().path("quant_algo").textValue()).isEqualTo(algorithm);
        assertThat(declared().path("kv_cache_quant_algo").asText("").replace("null", ""))
                .isEqualTo(cache);
        // Also where modules are decoded to BF16: the scales of these checkpoints are powers of two, so nothing is
        // rounded.
        assertThat(shipped).isEqualTo(planned);
    }

    private JsonNode declared() {
        return Json.read(temp.resolve("out/export/hf_quant_config.json")).get("quantization");
    }

    private static double perplexity(Path model, Path data, Object... quantizers) {
        List<Object> arguments = new ArrayList<>(List.of("evaluate", model, "--data", data, "--json"));
        arguments.addAll(List.of(quantizers));
        return CommandRun.of(arguments.toArray())
                .expect(ExitCode.OK)
                .json()
                .get("perplexity")
                .doubleValue();
    }
}
