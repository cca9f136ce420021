package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SynthesizeCommandTest {

    private static final String SMALL = "src/test/resources/cli/small-moe.json";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"bf16", "fp8", "fp8_block", "nvfp4", "mixed", "w4a16", "mxfp4"})
    void everyFormat_isDeterministicSoundAndRuns(String format) throws IOException {
        SyntheticInputs one = SyntheticInputs.write(temp.resolve("one"), format);
        SyntheticInputs two = SyntheticInputs.write(temp.resolve("two"), format);

        assertThat(contents(two.checkpoint())).isEqualTo(contents(one.checkpoint()));
        CommandRun.of("inspect", one.checkpoint(), "--check").expect(ExitCode.OK);
        JsonNode json = CommandRun.of("evaluate", one.checkpoint(), "--data", one.data(), "--json")
                .expect(ExitCode.OK)
                .json();
        assertThat(json.get("perplexity").doubleValue()).isBetween(100.0, 1000.0);
    }

    @Test
    void seed_changesTheValues() throws IOException {
        byte[] seven = model(temp.resolve("seven"), "--seed", 7);
        byte[] eight = model(temp.resolve("eight"), "--seed", 8);

        assertThat(eight).hasSameSizeAs(seven).isNotEqualTo(seven);
    }

    // Names and shapes against checkpoints that transformers wrote.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "qwen3",
                "mixtral",
                "qwen3_moe",
                "olmoe",
                "glm4_moe",
                "deepseek_v2_lite",
                "deepseek_v3",
                "kimi_k2",
                "gpt_oss",
                "llama4_text",
                "nemotron_h",
                "nemotron_h_latent"
            })
    void everyFamily_hasTheTensorsOfARealOne(String family) {
        Path real = Shared.path("conformance/architectures/" + family);
        Path out = temp.resolve("out");
        CommandRun.of("synthesize", real.resolve("config.json"), "--seed", 1, "--out", out)
                .expect(ExitCode.OK);

        assertThat(shapes(out)).isEqualTo(shapes(real));
    }

    // Names and shapes against quantised checkpoints of that format; a peer wrote those of gpt-oss.
    @ParameterizedTest
    @CsvSource({
        "deepseek_v3, fp8_block, conformance/architectures/deepseek_v3/fp8_block",
        "gpt_oss, mxfp4, conformance/architectures/gpt_oss/mxfp4",
        "gpt_oss, fp8, conformance/golden/modelopt-families/gpt_oss.fp8_default-kv_fp8/ckpt",
        "qwen3_moe, nvfp4, conformance/architectures/qwen3_moe/nvfp4",
        "qwen3_moe, fp8, conformance/golden/modelopt-families/qwen3_moe.fp8_default-kv_fp8/ckpt",
        "glm4_moe, fp8, conformance/golden/modelopt-families/glm4_moe.fp8_default-kv_fp8/ckpt",
        "qwen3_5_moe, w4a16, conformance/architectures/qwen3_5_moe/modelopt_mixed"
    })
    void quantisedFamily_hasTheTensorsOfARealOne(String family, String format, String quantised) {
        Path config = Shared.path("conformance/architectures/" + family + "/config.json");
        Path out = temp.resolve("out");
        CommandRun.of("synthesize", config, "--format", format, "--seed", 1, "--out", out)
                .expect(ExitCode.OK);

        Map<String, Shape> real = shapes(Shared.path(quantised));
        real.keySet()
                .removeIf(name -> name.endsWith("k_scale")
                        || name.endsWith("v_scale")
                        || name.startsWith("mtp.")
                        || name.contains(".visual."));
        assertThat(shapes(out)).isEqualTo(real);
    }

    @ParameterizedTest
    @CsvSource({
        "gpt_oss, mxfp4",
        "gpt_oss, nvfp4",
        "gpt_oss, fp8",
        "llama4_text, nvfp4",
        "llama4_text, fp8",
        "llama4_text, mixed",
        "qwen3_5_moe, mixed",
        "qwen3_5_moe, w4a16",
        "qwen3_5_moe, nvfp4",
        "qwen3_5_moe, fp8_block",
        "mixtral, mxfp4",
        "mixtral, nvfp4",
        "olmoe, mixed",
        "glm4_moe, fp8_block",
        "nemotron_h, nvfp4",
        "nemotron_h, w4a16",
        "nemotron_h_latent, mixed",
        "deepseek_v2_lite, fp8_block",
        "deepseek_v3, fp8_block",
        "deepseek_v3, nvfp4",
        "kimi_k2, fp8_block"
    })
    void quantisedFamilies_areSoundAndRun(String family, String format) throws IOException {
        Path config = Shared.path("conformance/architectures/" + family + "/config.json");
        for (String name : List.of("one", "two")) {
            CommandRun.of(
                            "synthesize",
                            config,
                            "--format",
                            format,
                            "--seed",
                            1,
                            "--sequences",
                            2,
                            "--sequence-length",
                            16,
                            "--out",
                            temp.resolve(name))
                    .expect(ExitCode.OK);
        }
        Path out = temp.resolve("one");

        assertThat(contents(temp.resolve("two"))).isEqualTo(contents(out));
        CommandRun.of("inspect", out, "--check").expect(ExitCode.OK);
        CommandRun.of("verify", out).expect(ExitCode.OK);
        CommandRun.of("evaluate", out, "--data", out.resolve("tokens.jsonl")).expect(ExitCode.OK);
    }

    @Test
    void starvedExperts_ofAModelWithoutExperts_areRefused() {
        Path config = Path.of("src/test/resources/configs/llama-3.1-8b.json");
        CommandRun run = CommandRun.of(
                        "synthesize", config, "--starved", 0.3, "--seed", 1, "--out", temp.resolve("out"))
                .expect(ExitCode.USAGE);

        assertThat(run.err()).contains("--starved: the model has no routed experts");
        assertThat(temp.resolve("out")).doesNotExist();
    }

    @Test
    void formatThatDoesNotFit_isRefusedAndLeavesNothing() throws IOException {
        Path config = Shared.path("conformance/architectures/llama4_text/config.json");
        CommandRun run = CommandRun.of(
                        "synthesize", config, "--format", "mxfp4", "--seed", 1, "--out", temp.resolve("out"))
                .expect(ExitCode.USAGE);

        assertThat(run.err()).contains("--format mxfp4: ", "wanted input features divisible by 32, found 48");
        try (var files = Files.list(temp)) {
            assertThat(files).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"qwen3_5_moe, 6", "llama4_text, 3", "nemotron_h, 3", "gpt_oss, 5", "qwen3_moe, 2"})
    void layers_ofAnyFamily_fit(String family, int layers) {
        Path config = Shared.path("conformance/architectures/" + family + "/config.json");
        Path out = temp.resolve("out");
        JsonNode json = CommandRun.of(
                        "synthesize",
                        config,
                        "--layers",
                        layers,
                        "--seed",
                        1,
                        "--sequences",
                        1,
                        "--sequence-length",
                        8,
                        "--out",
                        out,
                        "--json")
                .expect(ExitCode.OK)
                .json();

        assertThat(json.get("layers").intValue()).isEqualTo(layers);
        CommandRun.of("evaluate", out, "--data", out.resolve("tokens.jsonl")).expect(ExitCode.OK);
    }

    @Test
    void preset_hasItsShape() {
        Path out = temp.resolve("out");
        JsonNode json = CommandRun.of(
                        "synthesize",
                        "bench-a",
                        "--layers",
                        1,
                        "--format",
                        "nvfp4",
                        "--seed",
                        1,
                        "--shard-size",
                        "8M",
                        "--out",
                        out,
                        "--json")
                .expect(ExitCode.OK)
                .json();

        assertThat(json.get("files").intValue()).isGreaterThan(2);
        assertThat(out.resolve("model.safetensors.index.json")).exists();
        assertThat(shapes(out))
                .containsEntry("model.embed_tokens.weight", Shape.of(8192, 1024))
                .containsEntry("model.layers.0.mlp.experts.31.down_proj.weight", Shape.of(1024, 256))
                .containsEntry("model.layers.0.self_attn.k_proj.weight", Shape.of(256, 512));
    }

    @Test
    void tokens_areAsManyAsAskedForAndInTheVocabulary() {
        SyntheticInputs inputs = SyntheticInputs.write(temp.resolve("out"), "bf16");
        List<JsonNode> lines = Json.readLines(inputs.data());

        assertThat(lines).hasSize(6);
        for (JsonNode line : lines) {
            int[] ids = Json.ints(line.get("input_ids"));
            assertThat(ids).hasSize(48);
            for (int id : ids) {
                assertThat(id).isBetween(0, 255);
            }
        }
    }

    private byte[] model(Path out, Object... options) throws IOException {
        CommandRun.of("synthesize", SMALL, options[0], options[1], "--out", out).expect(ExitCode.OK);
        return Files.readAllBytes(out.resolve("model.safetensors"));
    }

    private static Map<String, Shape> shapes(Path directory) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Map<String, Shape> shapes = new TreeMap<>();
            checkpoint.tensors().forEach((name, tensor) -> shapes.put(name, tensor.shape()));
            return shapes;
        }
    }

    private static Map<String, String> contents(Path directory) throws IOException {
        Map<String, String> digests = new TreeMap<>();
        try (var files = Files.list(directory)) {
            files.forEach(file -> digests.put(file.getFileName().toString(), Digests.ofFile(file)));
        }
        return digests;
    }
}
