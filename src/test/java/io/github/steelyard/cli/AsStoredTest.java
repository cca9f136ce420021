package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TinyModelReference;
import io.github.steelyard.testing.TokenIds;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The recipe `as-stored`: a quantised checkpoint gets new scales of inputs and cache, and keeps its weights.
final class AsStoredTest {

    @TempDir
    private Path temp;

    // NVFP4 and FP8 experts, FP8 attention, an FP8 cache.
    @Test
    void mixedCheckpoint_keepsWeightsAndMeasuresScales() throws IOException {
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 160, 120, 120, 120, 120);
        run(TinyModelReference.DEMO, data);

        JsonNode stats = CommandRun.of("stats", temp.resolve("out/run"), "--json")
                .expect(ExitCode.OK)
                .json();
        int scales = 0;
        int changed = 0;
        try (Checkpoint source = Checkpoint.open(TinyModelReference.DEMO);
                Checkpoint export = Checkpoint.open(temp.resolve("out/export"))) {
            for (TensorInfo tensor : source.tensors().values()) {
                TensorInfo written = export.tensor(tensor.name());
                boolean measured = tensor.name().endsWith(".input_scale")
                        || tensor.name().endsWith(".k_scale")
                        || tensor.name().endsWith(".v_scale");
                boolean equal = export.bytes(written).mismatch(source.bytes(tensor)) < 0;
                if (measured) {
                    scales++;
                    changed += equal ? 0 : 1;
                } else {
                    assertThat(equal).as(tensor.name()).isTrue();
                }
            }
            assertThat(export.tensors()).hasSameSizeAs(source.tensors());
            String module = "model.layers.0.self_attn.q_proj";
            assertThat(scalar(export, module + ".input_scale"))
                    .isEqualTo(scaleAmax(stats, module + ".input_quantizer") / 448);
        }
        assertThat(scales).isEqualTo(2 * 4 + 4 * 4 + 4 * 16 * 3);
        assertThat(changed).isGreaterThan(scales / 2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/tiny-qwen3-moe-nvfp4",
                "models/tiny-qwen3-moe-fp8-block",
                "conformance/architectures/deepseek_v3/fp8_block",
            })
    void quantisedCheckpoint_keepsEveryCode(String name) throws IOException {
        Path model = Shared.path(name);
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 160, 60, 60);

        run(model, data);

        int codes = 0;
        try (Checkpoint source = Checkpoint.open(model);
                Checkpoint export = Checkpoint.open(temp.resolve("out/export"))) {
            for (TensorInfo tensor : source.tensors().values()) {
                if (tensor.name().endsWith(".weight")) {
                    codes++;
                    MemorySegment written = export.bytes(export.tensor(tensor.name()));
                    assertThat(written.mismatch(source.bytes(tensor)))
                            .as(tensor.name())
                            .isNegative();
                }
            }
        }
        assertThat(codes).isPositive();
    }

    // Some gates here have another global scale than their ups, which no kernel serves.
    @Test
    void scalesThatServersCannotJoin_areMadeOneAndCounted() throws IOException {
        Path model = Shared.path("conformance/architectures/qwen3_moe/nvfp4");

        CommandRun run = run(model, TokenIds.write(temp.resolve("ids.jsonl"), 160, 60, 60));

        assertThat(run.err())
                .containsOnlyOnce("so it is encoded again")
                .contains(".up_proj, ", " and 11 more: stored in");
        try (Checkpoint source = Checkpoint.open(model);
                Checkpoint export = Checkpoint.open(temp.resolve("out/export"))) {
            assertThat(source.tensors().values().stream()
                            .filter(tensor -> tensor.name().endsWith(".weight"))
                            .filter(tensor ->
                                    export.bytes(export.tensor(tensor.name())).mismatch(source.bytes(tensor)) >= 0))
                    .hasSizeLessThanOrEqualTo(14);
        }
    }

    @Test
    void plainCheckpoint_isRefused() {
        assertThat(CommandRun.of("plan", CommandRun.model("bf16"), "--recipe", "as-stored", "--gflops", "0")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("as_stored, but the checkpoint holds nothing in a format that is written here");
    }

    @Test
    void fp8ToNvfp4_isOneCountedWarning() {
        assertThat(CommandRun.of("plan", CommandRun.model("fp8-block"), "--recipe", "nvfp4-experts", "--gflops", "0")
                        .expect(ExitCode.OK)
                        .err())
                .containsOnlyOnce("decoded and rounded again")
                .contains(
                        "192 weights stored quantised get another format, so they are decoded and rounded again: 192 from"
                                + " FP8_BLOCK to NVFP4");
    }

    private CommandRun run(Path model, Path data) {
        CommandRun run = CommandRun.of(
                        "run",
                        model,
                        "--recipe",
                        "as-stored",
                        "--set",
                        "calibration.starved_experts=layer_max",
                        "--data",
                        data,
                        "--out",
                        temp.resolve("out"))
                .expect(ExitCode.OK);
        CommandRun.of("verify", temp.resolve("out/export"), "--source", model).expect(ExitCode.OK);
        return run;
    }

    private static float scalar(Checkpoint checkpoint, String tensor) {
        return checkpoint.bytes(checkpoint.tensor(tensor)).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    }

    private static float scaleAmax(JsonNode stats, String site) {
        for (JsonNode row : stats.get("sites")) {
            if (row.get("site").textValue().equals(site)) {
                return row.get("scale_amax").floatValue();
            }
        }
        throw new AssertionError(site);
    }
}
