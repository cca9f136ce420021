package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import io.github.steelyard.mixer.LatentAttention;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.PublishedConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Published models by their configs alone. Parameter counts are those of the model cards: exact where the card is.
final class PublishedShapesTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "llama-3.1-8b, 8030261248",
        "qwen3-8b, 8190735360",
        "mixtral-8x7b, 46702792704",
        "qwen3-30b-a3b, 30532122624",
        "qwen3-vl-30b-a3b, 30532122624",
        "olmoe-1b-7b, 6919161856",
        "gpt-oss-20b, 20914757184",
        "gpt-oss-120b, 116829156672",
        "deepseek-v3, 671026419200",
        "deepseek-v2-lite, 15706484224"
    })
    void parameters_areThoseOfTheModelCard(String model, long parameters) {
        assertThat(ModelSize.of(PublishedConfig.decoder(model, directory)).parameters())
                .isEqualTo(parameters);
    }

    // In units of 10⁹, as in the names and cards of the models; those without counts for the text model alone are near.
    @ParameterizedTest
    @CsvSource({
        "mixtral-8x7b, 46.7, 12.9, 0.05",
        "qwen3-30b-a3b, 30.5, 3.3, 0.06",
        "qwen3.6-35b-a3b, 35, 3, 0.7",
        "nemotron-3-nano-30b-a3b, 31.6, 3.6, 0.05",
        "nemotron-3-super-120b-a12b, 120.6, 12.7, 0.1",
        "gpt-oss-20b, 20.9, 3.6, 0.6",
        "gpt-oss-120b, 116.8, 5.1, 0.65",
        "deepseek-v3, 671, 37, 0.6",
        "kimi-k2, 1026, 32, 1",
        "deepseek-v2-lite, 15.7, 2.4, 0.3",
        "glm-4.5-air, 106, 12, 2",
        "glm-4.5, 355, 32, 3",
        "glm-4.5v, 106, 12, 2",
        "glm-4.7-flash, 30, 3, 1",
        "minimax-m2, 229, 10, 1.1",
        "qwen1.5-moe-a2.7b, 14.3, 2.7, 0.1",
        "dots.llm1, 142, 14, 1",
        "ernie-4.5-21b-a3b, 21.8, 3, 0.4",
        "hunyuan-a13b, 80, 13, 1",
        "qwen3-next-80b-a3b, 80, 3, 1",
        "deepseek-v3.2, 671, 37, 0.6",
        "glm-5, 744, 40, 2",
        "mistral-small-4, 119, 6.5, 1",
        "solar-open-100b, 102, 12, 1",
        "qwen3-vl-30b-a3b, 30.5, 3.3, 0.06",
        "qwen3-omni-30b-a3b, 30.5, 3.3, 0.06",
        "olmoe-1b-7b, 6.9, 1.3, 0.05",
        "llama-4-scout, 108, 17, 1"
    })
    void activeParameters_areThoseOfTheModelsName(String model, double total, double active, double tolerance) {
        ModelSize size = ModelSize.of(PublishedConfig.decoder(model, directory));

        assertThat(size.parameters() / 1e9).isCloseTo(total, within(tolerance));
        assertThat(size.active() / 1e9).isCloseTo(active, within(tolerance));
    }

    @ParameterizedTest
    @CsvSource({
        "mixtral-8x7b, '{attention + moe=32}'",
        "qwen3.6-35b-a3b, '{attention + moe=10, gated deltanet + moe=30}'",
        "nemotron-3-nano-30b-a3b, '{attention=6, mamba2=23, moe=23}'",
        "nemotron-3-super-120b-a12b, '{attention=8, latent moe=40, mamba2=40}'",
        "gpt-oss-20b, '{attention + moe=12, sliding attention + moe=12}'",
        "deepseek-v3, '{latent attention + mlp=3, latent attention + moe=58}'",
        "glm-4.5-air, '{attention + mlp=1, attention + moe=45}'",
        "llama-4-scout, '{attention + moe=12, chunked attention + moe=36}'"
    })
    void layers_areCountedByKind(String model, String layers) {
        assertThat(ModelSize.of(PublishedConfig.decoder(model, directory)).layers())
                .hasToString(layers);
    }

    // q, k, v, o, the cache, the router and three projections of each expert, in each layer; the head.
    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, 48, 128, 6, 3, 0, 1",
        "mixtral-8x7b, 32, 8, 6, 3, 0, 1",
        "olmoe-1b-7b, 16, 64, 6, 3, 0, 1",
        "gpt-oss-120b, 36, 128, 6, 3, 0, 1",
        "llama-4-scout, 48, 16, 6, 3, 3, 1"
    })
    void modules_areListedOneByOne(
            String model, int layers, int experts, int others, int perExpert, int shared, int head) {
        List<ModuleInfo> modules = PublishedConfig.decoder(model, directory).modules();

        assertThat(modules).hasSize(layers * (experts * perExpert + others + shared) + head);
        assertThat(modules.stream().map(ModuleInfo::name)).doesNotHaveDuplicates();
        assertThat(modules.getLast().kind()).isEqualTo(ModuleInfo.Kind.HEAD);
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3.6-35b-a3b, model.language_model.layers.0.linear_attn.in_proj_qkv, 8192, 2048",
        "qwen3.6-35b-a3b, model.language_model.layers.0.linear_attn.in_proj_z, 4096, 2048",
        "qwen3.6-35b-a3b, model.language_model.layers.0.linear_attn.out_proj, 2048, 4096",
        "qwen3.6-35b-a3b, model.language_model.layers.3.self_attn.q_proj, 8192, 2048",
        "qwen3.6-35b-a3b, model.language_model.layers.3.mlp.experts.255.gate_proj, 512, 2048",
        "qwen3.6-35b-a3b, lm_head, 248320, 2048",
        "nemotron-3-nano-30b-a3b, backbone.layers.0.mixer.in_proj, 10304, 2688",
        "nemotron-3-nano-30b-a3b, backbone.layers.5.mixer.q_proj, 4096, 2688",
        "nemotron-3-nano-30b-a3b, backbone.layers.1.mixer.experts.127.up_proj, 1856, 2688",
        "nemotron-3-nano-30b-a3b, backbone.layers.1.mixer.shared_experts.up_proj, 3712, 2688",
        "nemotron-3-super-120b-a12b, backbone.layers.1.mixer.fc1_latent_proj, 1024, 4096",
        "nemotron-3-super-120b-a12b, backbone.layers.1.mixer.experts.511.down_proj, 1024, 2688",
        "gpt-oss-20b, model.layers.23.mlp.experts.31.up_proj, 2880, 2880",
        "gpt-oss-20b, model.layers.0.self_attn.q_proj, 4096, 2880",
        "deepseek-v3, model.layers.60.self_attn.kv_a_proj_with_mqa, 576, 7168",
        "deepseek-v3, model.layers.0.self_attn.q_b_proj, 24576, 1536",
        "deepseek-v3, model.layers.0.self_attn.kv_b_proj, 32768, 512",
        "deepseek-v2-lite, model.layers.1.mlp.shared_experts.gate_proj, 2816, 2048",
        "llama-4-scout, language_model.model.layers.0.feed_forward.shared_expert.up_proj, 8192, 5120",
        "llama-4-scout, language_model.lm_head, 202048, 5120",
        "qwen3-vl-30b-a3b, model.language_model.layers.47.mlp.experts.127.gate_proj, 768, 2048",
        "qwen3-vl-30b-a3b, lm_head, 151936, 2048",
        "qwen3-omni-30b-a3b, thinker.model.layers.0.mlp.experts.127.down_proj, 2048, 768",
        "qwen3-omni-30b-a3b, thinker.lm_head, 152064, 2048",
        "glm-4.5v, model.language_model.layers.45.mlp.shared_experts.up_proj, 1408, 4096",
        "glm-4.5v, model.language_model.layers.0.mlp.down_proj, 4096, 10944",
        "glm-4.7-flash, model.layers.46.self_attn.kv_b_proj, 8960, 512",
        "minimax-m2, model.layers.61.block_sparse_moe.experts.255.w2, 3072, 1536",
        "minimax-m2, model.layers.0.block_sparse_moe.gate, 256, 3072",
        "qwen1.5-moe-a2.7b, model.layers.0.mlp.shared_expert_gate, 1, 2048",
        "dots.llm1, model.layers.1.mlp.shared_experts.up_proj, 2816, 4096",
        "ernie-4.5-21b-a3b, model.layers.27.mlp.shared_experts.down_proj, 2560, 3072",
        "hunyuan-a13b, model.layers.31.mlp.gate.wg, 64, 4096",
        "hunyuan-a13b, model.layers.0.mlp.shared_mlp.gate_proj, 3072, 4096",
        "qwen3-next-80b-a3b, model.layers.0.linear_attn.in_proj_qkvz, 12288, 2048",
        "qwen3-next-80b-a3b, model.layers.0.linear_attn.in_proj_ba, 64, 2048",
        "qwen3-next-80b-a3b, model.layers.47.self_attn.q_proj, 8192, 2048",
        "glm-5, model.layers.77.self_attn.q_b_proj, 16384, 2048"
    })
    void module_hasPublishedNameAndShape(String model, String module, int rows, int columns) {
        ModuleInfo found = PublishedConfig.decoder(model, directory).modules().stream()
                .filter(info -> info.name().equals(module))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no module " + module));

        assertThat(List.of(found.rows(), found.columns())).containsExactly(rows, columns);
    }

    // Values worked out from the published configs.
    @ParameterizedTest
    @CsvSource({"deepseek-v3, 0.1352338", "deepseek-v2-lite, 0.1147214", "kimi-k2, 0.1308608"})
    void latentAttention_scale_isThatOfTheNotes(String model, float scale) {
        Decoder decoder = PublishedConfig.decoder(model, directory);

        assertThat(decoder.layers().getFirst().blocks().getFirst().body())
                .isInstanceOfSatisfying(
                        LatentAttention.class,
                        attention -> assertThat(attention.core().scale()).isCloseTo(scale, within(1e-6f)));
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, hidden_size, 0",
        "qwen3-30b-a3b, hidden_size, -5",
        "qwen3-30b-a3b, hidden_size, 2000000000",
        "qwen3-30b-a3b, hidden_size, 1e400",
        "qwen3-30b-a3b, hidden_size, '\"2048\"'",
        "qwen3-30b-a3b, num_hidden_layers, 1000000000",
        "qwen3-30b-a3b, num_experts, 100000000",
        "qwen3-30b-a3b, num_experts_per_tok, 129",
        "qwen3-30b-a3b, num_attention_heads, 0",
        "qwen3-30b-a3b, num_key_value_heads, 5",
        "qwen3-30b-a3b, head_dim, -1",
        "qwen3-30b-a3b, vocab_size, 99999999",
        "qwen3-30b-a3b, rms_norm_eps, -1",
        "qwen3-30b-a3b, hidden_act, '\"gelu\"'",
        "qwen3-30b-a3b, decoder_sparse_step, 0",
        "deepseek-v3, n_group, 7",
        "deepseek-v3, topk_group, 9",
        "deepseek-v3, scoring_func, '\"softmax\"'",
        "deepseek-v3, kv_lora_rank, 0",
        "deepseek-v3, qk_rope_head_dim, 1",
        "deepseek-v3, num_nextn_predict_layers, 1000000",
        "deepseek-v2-lite, norm_topk_prob, true",
        "nemotron-3-nano-30b-a3b, hybrid_override_pattern, '\"MEM\"'",
        "nemotron-3-nano-30b-a3b, n_groups, 7",
        "nemotron-3-nano-30b-a3b, conv_kernel, 1000000",
        "nemotron-3-nano-30b-a3b, mlp_hidden_act, '\"silu\"'",
        "nemotron-3-super-120b-a12b, time_step_limit, '[1, 0]'",
        "gpt-oss-20b, sliding_window, 0",
        "gpt-oss-20b, layer_types, '[\"full_attention\"]'",
        "gpt-oss-20b, num_local_experts, null",
        "qwen3.6-35b-a3b, linear_num_value_heads, 33",
        "llama-4-scout, attention_chunk_size, -1",
        "deepseek-v3, num_key_value_heads, 64",
        "deepseek-v3, rope_scaling, '{\"type\": \"su\"}'",
        "glm-4.5-air, rms_norm_eps, null",
        "nemotron-3-nano-30b-a3b, n_shared_experts, 2",
        "minimax-m2, use_qk_norm, false",
        "minimax-m2, scoring_func, '\"softmax\"'",
        "minimax-m2, shared_intermediate_size, 512",
        "minimax-m2, rotary_dim, 129",
        "dots.llm1, sliding_window, 4096",
        "dots.llm1, n_group, 7",
        "ernie-4.5-21b-a3b, use_bias, true",
        "hunyuan-a13b, use_cla, true",
        "hunyuan-a13b, moe_topk, '[8, 4]'",
        "glm-5, index_topk, 0",
        "mistral-small-4, n_group, 2",
        "mistral-small-4, routed_scaling_factor, 2.5",
        "solar-open-100b, n_group, 3",
        "qwen3-next-80b-a3b, decoder_sparse_step, 0"
    })
    void hostileValue_isRefusedByKey(String model, String key, String value) {
        ConfigJson config = PublishedConfig.edited(
                model, directory, "\"%s\":".formatted(key), "\"%s\": %s, \"_old\":".formatted(key, value));

        assertThatThrownBy(() -> Families.of(config))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("(?s).*%s[^:]*: wanted .*".formatted(key));
    }

    // Each of these has another default in another program.
    @ParameterizedTest
    @CsvSource({
        "deepseek-v3, n_group",
        "deepseek-v3, topk_group",
        "deepseek-v3, routed_scaling_factor",
        "deepseek-v3, first_k_dense_replace",
        "deepseek-v3, n_shared_experts",
        "glm-4.5-air, n_shared_experts",
        "glm-4.5-air, first_k_dense_replace"
    })
    void keyWhoseDefaultDiffersBetweenPrograms_isRequired(String model, String key) {
        ConfigJson config = PublishedConfig.edited(model, directory, "\"%s\":".formatted(key), "\"_old\":");

        assertThatThrownBy(() -> Families.of(config))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(key + ": wanted a value");
    }

    // A layer may have 4096 experts and a model 1024 layers, but not both.
    @Test
    void manyLayersOfManyExperts_areRefused() {
        ConfigJson config =
                PublishedConfig.edited("qwen3-30b-a3b", directory, "\"num_experts\": 128", "\"num_experts\": 2731");

        assertThatThrownBy(() -> Families.of(config))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(
                        "num_experts: wanted at most 131072 experts in 48 layers (num_hidden_layers), found 2731");
    }

    // Qwen3's dense models slide from layer `max_window_layers` on, its sparse ones everywhere (transformers 5).
    @ParameterizedTest
    @CsvSource({
        "qwen3-8b, 4096, 30, '{attention + mlp=30, sliding attention + mlp=6}'",
        "qwen3-8b, null, 30, '{attention + mlp=36}'",
        "qwen3-30b-a3b, 512, 30, '{sliding attention + moe=48}'"
    })
    void useSlidingWindow_slidesWhereTransformersDoes(String model, String window, int first, String layers) {
        ConfigJson config = PublishedConfig.edited(
                model, directory, "\"use_sliding_window\":", "\"use_sliding_window\": true, \"_old\":");
        ConfigJson edited = config.with(root -> {
            root.put("max_window_layers", first);
            root.remove("sliding_window");
            if (window.equals("null")) {
                root.putNull("sliding_window");
            } else {
                root.put("sliding_window", Integer.parseInt(window));
            }
        });

        assertThat(ModelSize.of(Families.of(edited)).layers()).hasToString(layers);
    }

    @ParameterizedTest
    @CsvSource({
        "llama-3.1-8b, use_sliding_window: wanted false",
        "olmoe-1b-7b, use_sliding_window: wanted false",
        "qwen3-8b, 'layer_types: wanted full_attention or sliding_attention only'"
    })
    void windowThatIsNotComputed_isRefusedByKey(String model, String message) {
        ConfigJson config = PublishedConfig.of(model, directory).with(root -> {
            root.put("use_sliding_window", true).put("sliding_window", 64);
            var types = root.putArray("layer_types");
            for (int layer = 0; layer < root.get("num_hidden_layers").intValue(); layer++) {
                types.add("chunked_attention");
            }
        });

        assertThatThrownBy(() -> Families.of(config)).hasMessageContaining(message);
    }

    @Test
    void unknownFamily_isRefusedWithTheKnownOnes() {
        ConfigJson config =
                PublishedConfig.edited("qwen3-8b", directory, "\"model_type\": \"qwen3\"", "\"model_type\": \"bert\"");

        assertThatThrownBy(() -> Families.of(config))
                .hasMessageContaining(
                        "model_type: wanted one of [deepseek_v2, deepseek_v3, deepseek_v32, dots1, ernie4_5_moe,")
                .hasMessageContaining("found \"bert\"");
    }

    @Test
    void bytes_countCodesAndScales() {
        ModelSize size = ModelSize.of(PublishedConfig.decoder("mixtral-8x7b", directory));
        long linears = Stream.of(4096L * 4096 * 2, 1024L * 4096 * 2, 8 * 3 * 4096L * 14336)
                        .mapToLong(Long::longValue)
                        .sum()
                * 32;
        long modules = 32 * (4 + 24);

        assertThat(size.bytes(Format.PLAIN)).isEqualTo(2 * size.parameters());
        assertThat(size.bytes(Format.FP8)).isEqualTo(2 * size.parameters() - linears + 4 * modules);
        assertThat(size.bytes(Format.NVFP4))
                .isEqualTo(2 * size.parameters() - 2 * linears + linears / 2 + linears / 16 + 4 * modules);
        assertThat(size.bytes(Format.MXFP4))
                .isEqualTo(2 * size.parameters() - 2 * linears + linears / 2 + linears / 32);
    }
}
