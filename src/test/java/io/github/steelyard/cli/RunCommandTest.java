package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TokenIds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Calibration, export and verification in one go, on inputs that peers are known to mishandle.
final class RunCommandTest {

    @TempDir
    private Path temp;

    @Test
    void run_writesASoundExport_andGoesOnFromTheFinishedCalibration() throws IOException {
        Path out = temp.resolve("out");
        JsonNode first = run(out, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"), "--json")
                .expect(ExitCode.OK)
                .json();
        assertThat(first.get("calibration").get("status").textValue()).isEqualTo("complete");
        assertThat(first.get("export").get("modules").get("encoded").intValue()).isEqualTo(208);
        Map<String, String> digests = digests(out.resolve("export"));
        CommandRun.of("verify", out.resolve("export"), "--source", CommandRun.model("bf16"))
                .expect(ExitCode.OK);

        JsonNode again = run(out, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"), "--json")
                .expect(ExitCode.OK)
                .json();
        assertThat(again.get("calibration").get("status").textValue()).isEqualTo("already complete");
        assertThat(again.get("export").get("status").textValue()).isEqualTo("already complete");
        assertThat(digests(out.resolve("export"))).isEqualTo(digests);

        Files.move(out.resolve("export"), temp.resolve("earlier"));
        JsonNode second = run(out, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"), "--json")
                .expect(ExitCode.OK)
                .json();

        assertThat(second.get("calibration").get("status").textValue()).isEqualTo("already complete");
        assertThat(digests(out.resolve("export"))).isEqualTo(digests);
    }

    @Test
    void scales_areWrittenAlone() throws IOException {
        Path out = temp.resolve("out");
        run(out, CommandRun.recipe("fp8_kv-fp8"), "--format", "scales").expect(ExitCode.OK);

        try (var files = Files.list(out.resolve("export"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("scales.safetensors", "steelyard.json");
        }
    }

    // A peer's glob for the attention's projections also hits the attention module: the cache then has scales of
    // uninitialised memory, and the config promises them.
    @Test
    void rulesThatSwitchTheAttentionOff_promiseNoCacheScales() {
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts_kv-fp8",
                "\ncalibration:\n",
                "    - {quantizer_name: '*self_attn*', enable: false}\n\ncalibration:\n");
        Path out = temp.resolve("out");
        run(out, recipe).expect(ExitCode.OK);

        JsonNode declared =
                Json.read(out.resolve("export/hf_quant_config.json")).get("quantization");
        assertThat(declared.path("kv_cache_quant_algo").isTextual()).isFalse();
        try (Checkpoint export = Checkpoint.open(out.resolve("export"))) {
            assertThat(export.tensors().keySet())
                    .noneMatch(name -> name.endsWith("k_scale") || name.endsWith("v_scale"));
        }
        CommandRun.of("verify", out.resolve("export")).expect(ExitCode.OK);
    }

    // A peer writes nothing but cache scales here, without an error.
    @Test
    void recipeForExperts_onADenseModel_isRefused() throws IOException {
        Path model = Shared.path("conformance/architectures/qwen3");
        CommandRun run = CommandRun.of(
                        "calibrate",
                        model,
                        "--recipe",
                        CommandRun.recipe("nvfp4-experts_kv-fp8"),
                        "--data",
                        ids(64, 8),
                        "--out",
                        temp.resolve("out"))
                .expect(ExitCode.BAD_INPUT);

        assertThat(run.err()).contains("*.experts.*weight_quantizer").contains("match");
        assertThat(temp.resolve("out")).doesNotExist();
    }

    // A peer's observers take the shape of the first sample and fail on the next; and none of them runs ids without a
    // tokenizer.
    @Test
    void samplesOfDifferentLengths_withoutATokenizer_areCalibrated() throws IOException {
        Path model = Shared.path("conformance/architectures/deepseek_v3");
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"), "nvfp4-experts", "starved_experts: fail", "starved_experts: layer_max");
        CommandRun run = CommandRun.of(
                        "run",
                        model,
                        "--recipe",
                        recipe,
                        "--data",
                        ids(64, 23, 70, 1),
                        "--out",
                        temp.resolve("out"),
                        "--json")
                .expect(ExitCode.OK);

        assertThat(run.json().get("calibration").get("tokens").longValue()).isEqualTo(94);
    }

    private CommandRun run(Path out, String recipe, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(
                "run",
                CommandRun.model("bf16"),
                "--recipe",
                recipe,
                "--data",
                CommandRun.calibrationText(),
                "--out",
                out));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray());
    }

    private Path ids(int vocabulary, int... lengths) throws IOException {
        return TokenIds.write(temp.resolve("ids.jsonl"), vocabulary, lengths);
    }

    private static Map<String, String> digests(Path directory) throws IOException {
        Map<String, String> digests = new TreeMap<>();
        try (var files = Files.list(directory)) {
            files.forEach(file -> digests.put(file.getFileName().toString(), Digests.ofFile(file)));
        }
        return digests;
    }
}
