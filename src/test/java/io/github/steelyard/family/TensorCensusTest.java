package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TensorCensusTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "qwen3",
                "mixtral",
                "qwen3_moe",
                "qwen3_moe/nvfp4",
                "olmoe",
                "glm4_moe",
                "deepseek_v2_lite",
                "deepseek_v3",
                "deepseek_v3/fp8_block",
                "kimi_k2",
                "gpt_oss",
                "gpt_oss/mxfp4",
                "nemotron_h",
                "nemotron_h_latent",
                "llama4_text"
            })
    void everyTensorOfAFamily_isKnown(String variant) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("conformance/architectures/" + variant))) {
            TensorCensus census = TensorCensus.of(checkpoint, Families.describe(checkpoint));

            assertThat(census.known())
                    .containsExactlyElementsOf(checkpoint.tensors().keySet());
            assertThat(census.ignored()).isEmpty();
            assertThat(census.unknown()).isEmpty();
            assertThat(census.missing()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3_5_moe", "qwen3_5_moe/modelopt_mixed"})
    void visionAndPredictionTensors_areIgnored(String variant) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("conformance/architectures/" + variant))) {
            TensorCensus census = TensorCensus.of(checkpoint, Families.of(checkpoint));

            assertThat(census.ignored())
                    .contains("model.visual.blocks.0.attn.qkv.weight", "mtp.fc.weight")
                    .allMatch(name -> name.startsWith("model.visual.") || name.startsWith("mtp."));
            assertThat(census.unknown()).isEmpty();
            assertThat(census.missing()).isEmpty();
        }
    }

    // As ModelOpt writes them: gpt-oss stays fused with scales beside the stack, Nemotron-H is written expert by
    // expert.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "gpt_oss.fp8_default-kv_fp8",
                "gpt_oss.nvfp4_experts_only-kv_fp8",
                "nemotron_h.fp8_default-kv_fp8",
                "nemotron_h.nvfp4_experts_only-kv_fp8"
            })
    void everyTensorOfAnExport_isKnown(String export) {
        Path files = Shared.path("conformance/golden/modelopt-families/" + export + "/ckpt");
        try (Checkpoint checkpoint = Checkpoint.open(files)) {
            TensorCensus census = TensorCensus.of(checkpoint, Families.of(checkpoint));

            assertThat(census.unknown()).isEmpty();
            assertThat(census.ignored()).isEmpty();
        }
    }

    @Test
    void missingTensors_areAllNamed() throws IOException {
        config(2);
        new TinySafetensors()
                .bf16("model.embed_tokens.weight", new long[] {4, 2}, new float[8])
                .bf16("model.norm.weight", new long[] {2}, 1, 1)
                .bytes("model.layers.0.self_attn.q_proj.weight", "F8_E4M3", new long[] {2, 2}, 0, 0, 0, 0)
                .bytes("model.layers.0.self_attn.k_proj.weight", "U8", new long[] {2, 1}, 0, 0)
                .bf16("model.layers.0.self_attn.rotary_emb.inv_freq", new long[] {1}, 1)
                .bf16("model.layers.2.eh_proj.weight", new long[] {1}, 1)
                .write(directory.resolve("model.safetensors"));

        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            TensorCensus census = TensorCensus.of(checkpoint, Families.describe(checkpoint));

            assertThat(census.missing())
                    .contains(
                            "model.layers.0.input_layernorm.weight",
                            "model.layers.0.self_attn.q_proj.weight_scale",
                            "model.layers.0.self_attn.k_proj.weight_scale",
                            "model.layers.1.mlp.down_proj.weight",
                            "lm_head.weight")
                    .doesNotContain("model.norm.weight", "model.layers.0.self_attn.q_proj.weight");
            assertThat(census.unknown()).containsExactly("model.layers.0.self_attn.rotary_emb.inv_freq");
            assertThat(census.ignored()).containsExactly("model.layers.2.eh_proj.weight");
            assertThatThrownBy(() -> Families.of(checkpoint))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("19 tensors are missing: ")
                    .satisfies(e -> assertThat(census.missing())
                            .hasSize(19)
                            .allSatisfy(name -> assertThat(e.getMessage()).contains(name)));
        }
    }

    // A bias, a norm or a factor that is not read would leave a model that computes something else.
    @ParameterizedTest
    @CsvSource({
        "gpt_oss, '\"attention_bias\": true', '\"attention_bias\": false', self_attn.o_proj.bias",
        "glm4_moe, '\"use_qk_norm\": true', '\"use_qk_norm\": false', self_attn.k_norm.weight"
    })
    void tensorOfAKnownModuleThatIsNotRead_isRefused(String family, String text, String replacement, String tensor)
            throws IOException {
        Path original = Shared.path("conformance/architectures/" + family);
        String config = Files.readString(original.resolve("config.json"));
        assertThat(config).contains(text);
        Files.writeString(directory.resolve("config.json"), config.replace(text, replacement));
        Files.copy(original.resolve("model.safetensors"), directory.resolve("model.safetensors"));

        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThatThrownBy(() -> Families.of(checkpoint))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("tensor(s) belong to modules of the model, and its config gives no use")
                    .hasMessageContaining("model.layers.1." + tensor);
        }
    }

    private void config(int layers) throws IOException {
        Files.writeString(directory.resolve("config.json"), """
                {"model_type": "llama", "hidden_size": 2, "intermediate_size": 2, "num_hidden_layers": %d,
                 "num_attention_heads": 1, "head_dim": 2, "vocab_size": 4, "rms_norm_eps": 1e-5}""".formatted(layers));
    }
}
