package io.github.steelyard.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.recipe.ExportOptions.Format;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// There and back is the identity of codes and of every scale but reciprocals, which come back as their neighbours at
/// worst.
final class ConversionJobTest {

    private static final String MODELOPT = "conformance/golden/modelopt/";
    private static final String LLMCOMPRESSOR = "conformance/golden/llmcompressor/";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "conformance/golden/modelopt/nvfp4_experts_only-kv_fp8.float32/ckpt, MODELOPT, 384",
        "conformance/golden/modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt, MODELOPT, 384",
        "conformance/golden/modelopt/fp8_default-kv_fp8.bfloat16/ckpt, MODELOPT, 0",
        "conformance/golden/modelopt-families/qwen3_moe.nvfp4_experts_only-kv_fp8/ckpt, MODELOPT, -1",
        "conformance/golden/modelopt-families/qwen3_moe.fp8_default-kv_fp8/ckpt, MODELOPT, 0",
        "conformance/golden/modelopt-families/glm4_moe.nvfp4_experts_only-kv_fp8/ckpt, MODELOPT, -1",
        "conformance/golden/modelopt-families/glm4_moe.fp8_default-kv_fp8/ckpt, MODELOPT, 0",
        "conformance/golden/modelopt-families/nemotron_h.nvfp4_experts_only-kv_fp8/ckpt, MODELOPT, -1",
        "conformance/golden/modelopt-families/nemotron_h.fp8_default-kv_fp8/ckpt, MODELOPT, 0",
        "conformance/golden/llmcompressor/NVFP4-kv_fp8.bfloat16/ckpt, COMPRESSED_TENSORS, 416",
        "conformance/golden/llmcompressor/GPTQ-NVFP4A16.bfloat16/ckpt, COMPRESSED_TENSORS, 208",
        "conformance/golden/llmcompressor/nemotron_h.NVFP4.float32/ckpt, COMPRESSED_TENSORS, -1",
        "conformance/golden/llmcompressor/MXFP4.float32/ckpt, COMPRESSED_TENSORS, 0",
        "conformance/golden/llmcompressor/NVFP4.float32/ckpt, COMPRESSED_TENSORS, 416",
        "conformance/golden/llmcompressor/NVFP4A16.float32/ckpt, COMPRESSED_TENSORS, 208",
        "conformance/golden/llmcompressor/FP8-kv_fp8.float32/ckpt, COMPRESSED_TENSORS, 0",
        "conformance/golden/llmcompressor/FP8_DYNAMIC.float32/ckpt, COMPRESSED_TENSORS, 0",
        "conformance/golden/llmcompressor/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt, COMPRESSED_TENSORS, 384"
    })
    void thereAndBack_isTheIdentityButForReciprocals(String golden, Format own, long reciprocals) {
        Path source = Shared.path(golden);
        Format other = own == Format.MODELOPT ? Format.COMPRESSED_TENSORS : Format.MODELOPT;

        ConversionResult there = convert(source, other, "there");
        ConversionResult back = convert(temp.resolve("there"), own, "back");

        assertThat(there.written().modules()).doesNotContainKeys("encoded", "decoded");
        assertThat(there.reciprocals()).isEqualTo(back.reciprocals());
        if (reciprocals >= 0) {
            assertThat(there.reciprocals()).isEqualTo(reciprocals);
        } else {
            assertThat(there.reciprocals()).isPositive();
        }
        assertThat(there.inexact()).isLessThanOrEqualTo(there.reciprocals());
        assertThat(there.largestError()).isLessThan(0x1p-23);
        assertSameBut(source, temp.resolve("back"), there.inexact() > 0);
    }

    // ModelOpt has no word for FP8 tiles or INT8 per channel with inputs quantised at run time; integers in groups are
    // rounded and packed otherwise. No codes are thrown away without being asked.
    @ParameterizedTest
    @ValueSource(strings = {"FP8_BLOCK.bfloat16", "SmoothQuant-W8A8_int8.bfloat16", "W4A16_g32.bfloat16"})
    void convert_whatTheOtherLayoutCannotSay_isRefused(String golden) {
        assertThatThrownBy(() -> convert(Shared.path(LLMCOMPRESSOR + golden + "/ckpt"), Format.MODELOPT, "there"))
                .isInstanceOf(GateException.class)
                .hasMessageContaining("ModelOpt has no name for what it is stored as");
        assertThat(temp.resolve("there")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss.nvfp4_experts_only-kv_fp8", "gpt_oss.fp8_default-kv_fp8"})
    void convert_ofAStackOfExperts_isRefused(String golden) {
        assertThatThrownBy(() -> convert(
                        Shared.path("conformance/golden/modelopt-families/" + golden + "/ckpt"),
                        Format.COMPRESSED_TENSORS,
                        "there"))
                .isInstanceOf(GateException.class)
                .hasMessageContaining("its experts lie in one tensor where servers load them");
    }

    @Test
    void convert_again_writesNothing() {
        Path source = Shared.path(MODELOPT + "nvfp4_experts_only-kv_fp8.float32/ckpt");
        convert(source, Format.COMPRESSED_TENSORS, "there");

        assertThat(convert(source, Format.COMPRESSED_TENSORS, "there").written().status())
                .isEqualTo(CalibrationJob.DONE_BEFORE);
    }

    // compressed-tensors can say that each head has a scale; ModelOpt's servers read one for an attention.
    @Test
    void convert_ofACacheWithAScaleForEachHead_keepsThemWhereTheLayoutCanSaySo() throws IOException {
        Path source = perHead(Shared.path(LLMCOMPRESSOR + "FP8-kv_fp8.float32/ckpt"));

        convert(source, Format.COMPRESSED_TENSORS, "same");
        convert(source, Format.MODELOPT, "other");

        try (Checkpoint same = Checkpoint.open(temp.resolve("same"));
                Checkpoint other = Checkpoint.open(temp.resolve("other"))) {
            TensorInfo kept = same.tensor("model.layers.1.self_attn.k_scale");
            assertThat(kept.shape()).isEqualTo(Shape.of(2, 1, 1));
            assertThat(new CheckpointWeights(same).vector(kept.name(), kept.shape()))
                    .containsExactly(0.25f, 0.5f);
            assertThat(same.config()
                            .object("quantization_config")
                            .flatMap(config -> config.object("kv_cache_scheme"))
                            .map(scheme -> scheme.string("strategy")))
                    .contains("attn_head");
            assertThat(single(other, other.tensor("model.layers.1.self_attn.k_proj.k_scale")))
                    .isEqualTo(0.5f);
        }
    }

    /// Returns the same checkpoint with two scales of the cache in place of each.
    private Path perHead(Path source) throws IOException {
        Path copy = Files.createDirectory(temp.resolve("heads"));
        List<Planned> planned = new ArrayList<>();
        List<MemorySegment> bytes = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(source)) {
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                boolean cache =
                        tensor.name().endsWith(".k_scale") || tensor.name().endsWith(".v_scale");
                planned.add(new Planned(tensor.name(), tensor.dtype(), cache ? Shape.of(2, 1, 1) : tensor.shape()));
                bytes.add(
                        cache
                                ? MemorySegment.ofArray(new float[] {0.25f, 0.5f})
                                : MemorySegment.ofArray(checkpoint.bytes(tensor).toArray(ValueLayout.JAVA_BYTE)));
            }
        }
        SafetensorsWriter.write(copy.resolve("model.safetensors"), planned, Map.of(), bytes);
        String config = Files.readString(source.resolve("config.json"));
        int cache = config.indexOf("\"kv_cache_scheme\"");
        Files.writeString(
                copy.resolve("config.json"),
                config.substring(0, cache)
                        + config.substring(cache)
                                .replaceFirst("\"strategy\": \"tensor\"", "\"strategy\": \"attn_head\""));
        return copy;
    }

    private ConversionResult convert(Path source, Format to, String name) {
        return ConversionJob.run(new ConversionRequest(source, temp.resolve(name), to, 2), JobListener.NONE);
    }

    /// @param inexact whether reciprocals may come back as their neighbours
    private static void assertSameBut(Path source, Path back, boolean inexact) {
        try (Checkpoint wanted = Checkpoint.open(source);
                Checkpoint found = Checkpoint.open(back)) {
            assertThat(found.tensors().keySet()).isEqualTo(wanted.tensors().keySet());
            for (TensorInfo tensor : wanted.tensors().values()) {
                TensorInfo other = found.tensor(tensor.name());
                if (inexact && isTurned(tensor.name())) {
                    float one = single(wanted, tensor);
                    assertThat((double) single(found, other))
                            .isBetween((double) Math.nextDown(one), (double) Math.nextUp(one));
                } else if (other.dtype() == tensor.dtype()) {
                    assertThat(found.bytes(other).mismatch(wanted.bytes(tensor)))
                            .as(tensor.name())
                            .isEqualTo(-1);
                } else { // scales that were BF16 are F32
                    assertThat(new CheckpointWeights(found).vector(other.name(), other.shape()))
                            .as(tensor.name())
                            .isEqualTo(new CheckpointWeights(wanted).vector(tensor.name(), tensor.shape()));
                }
            }
        }
    }

    private static boolean isTurned(String name) {
        return List.of(".weight_scale_2", ".weight_global_scale", ".input_global_scale", ".input_scale").stream()
                .anyMatch(name::endsWith);
    }

    private static float single(Checkpoint checkpoint, TensorInfo tensor) {
        return new CheckpointWeights(checkpoint).vector(tensor.name(), tensor.shape())[0];
    }
}
