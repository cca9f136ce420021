package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.cli.Layout.Tensor;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints as people have them: with prediction layers and towers beside the text model, inside wrappers, saved by
/// other programs. Each is run, or refused, as the same model in its published layout is.
final class LayoutRunsTest {

    @TempDir
    private Path temp;

    private String recipe = "";

    @BeforeEach
    void writeRecipe() {
        recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts_kv-fp8",
                "starved_experts: fail",
                "starved_experts: layer_max");
    }

    // Servers give these parts a cache without scales, or none at all; no calibration reaches them.
    @ParameterizedTest
    @CsvSource({
        "layouts/glm4_moe, model.layers.3.self_attn.k_proj, model.layers.3.mlp.experts.0.up_proj",
        "layouts/qwen3_5_moe, mtp.layers.0.self_attn.k_proj, model.visual.blocks.0.attn.k_proj",
        "layouts/nemotron_h_latent, mtp.layers.0.mixer.k_proj, mtp.layers.1.mixer.experts.0.up_proj",
        "layouts/llama4_text, vision_model.model.layers.0.self_attn.k_proj, multi_modal_projector.linear_1",
        "layouts/deepseek_v3, model.layers.3.self_attn.kv_a_proj_with_mqa, model.layers.3.self_attn.kv_b_proj"
    })
    void fp8Cache_partsBesideTheModelHaveAttentionToo_isExportedAndVerified(String config, String one, String other) {
        Map<String, Tensor> part = new TreeMap<>(Map.of(
                one + ".weight", Tensor.random(1, 32, 64),
                other + ".weight", Tensor.random(2, 32, 64)));
        Layout model = Layout.synthesize(temp.resolve("model"), config).beside("mtp.safetensors", part);

        CommandRun inspected =
                CommandRun.of("inspect", model.directory(), "--check").expect(ExitCode.OK);
        CommandRun run = run(model, "out").expect(ExitCode.OK);
        CommandRun.of("verify", export("out")).expect(ExitCode.OK);
        CommandRun.of("verify", export("out"), "--source", model.directory()).expect(ExitCode.OK);

        assertThat(inspected.err()).contains("are read all the same, and carried into an export: 'mtp.safetensors'");
        assertThat(run.err()).contains("are read all the same, and carried into an export: 'mtp.safetensors'");
        Map<String, Tensor> written = Layout.tensors(export("out"));
        part.forEach(
                (name, tensor) -> assertThat(written.get(name).bytes()).as(name).isEqualTo(tensor.bytes()));
        assertThat(written.keySet()).anyMatch(name -> name.endsWith("k_scale"));
    }

    // By its names alone a prediction layer is an attention like any other.
    @Test
    void verify_unknownModel_missingCacheScaleIsAWarning() {
        Layout model = Layout.synthesize(temp.resolve("model"), "layouts/glm4_moe")
                .beside("mtp.safetensors", Map.of("model.layers.3.self_attn.k_proj.weight", Tensor.random(1, 32, 64)));
        run(model, "out").expect(ExitCode.OK);
        new Layout(export("out")).edit("\"glm4_moe\"", "\"glm9_moe\"");

        assertThat(CommandRun.of("verify", export("out")).expect(ExitCode.OK).out())
                .contains(
                        "a KV cache in FP8 is declared, scales that are not there: a server assumes 1 (2): 'model.layers.3.self_attn");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "small-moe",
                "layouts/mixtral",
                "layouts/olmoe",
                "layouts/glm4_moe",
                "layouts/deepseek_v3",
                "layouts/nemotron_h_latent"
            })
    void expertsFusedByTransformers5_exportIsThatOfThePublishedLayout(String config) {
        Layout published = Layout.synthesize(temp.resolve("published"), config);
        Layout saved = published.with(temp.resolve("saved"), Layout::fused);
        assertThat(saved.tensors().keySet()).noneMatch(name -> name.contains(".experts.0."));

        CommandRun.of("inspect", saved.directory(), "--check").expect(ExitCode.OK);
        run(published, "one").expect(ExitCode.OK);
        run(saved, "other").expect(ExitCode.OK);

        assertThat(digests(export("other"))).isEqualTo(digests(export("one")));
    }

    // What no rule names is written as servers know it, too.
    @Test
    void expertsFusedByTransformers5_leftAlone_areWrittenOneByOne() throws IOException {
        Layout published = Layout.synthesize(temp.resolve("published"), "layouts/mixtral");
        Layout saved = published.with(temp.resolve("saved"), Layout::fused);
        Path cacheOnly = Files.writeString(temp.resolve("cache.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: max
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*[kv]_bmm_quantizer', cfg: {num_bits: e4m3}}
                """);

        CommandRun.of(
                        "run",
                        saved.directory(),
                        "--recipe",
                        cacheOnly,
                        "--data",
                        saved.data(),
                        "--out",
                        temp.resolve("o"))
                .expect(ExitCode.OK);

        assertThat(digests(export("o"))).containsAllEntriesOf(digests(published.directory()));
    }

    @Test
    void headStoredThoughTied_embeddingIsServed() {
        Layout plain = Layout.synthesize(temp.resolve("plain"), "small-moe");
        plain.edit("\"tie_word_embeddings\" : false", "\"tie_word_embeddings\" : true");
        Layout tied = plain.with(temp.resolve("tied"), tensors -> {
            Map<String, Tensor> all = new TreeMap<>(tensors);
            all.remove("lm_head.weight");
            return all;
        });
        Tensor embedding = tied.tensors().get("model.embed_tokens.weight");
        Layout equal = tied.with(temp.resolve("equal"), Layout.adding(all -> all.put("lm_head.weight", embedding)));

        CommandRun.of("inspect", plain.directory(), "--check").expect(ExitCode.OK);
        CommandRun.of("inspect", equal.directory(), "--check").expect(ExitCode.OK);
        CommandRun other = run(plain, "other").expect(ExitCode.OK);
        CommandRun same = run(equal, "same").expect(ExitCode.OK);
        run(tied, "served").expect(ExitCode.OK);

        assertThat(other.err()).containsOnlyOnce("the stored lm_head differs from model.embed_tokens.weight");
        assertThat(same.err()).doesNotContain("lm_head");
        assertThat(digests(export("other"))).isEqualTo(digests(export("served")));
        assertThat(digests(export("same"))).isEqualTo(digests(export("served")));
        assertThat(perplexity(plain)).isEqualTo(perplexity(tied));
    }

    // The indexer leaves every key in while there are no more than it may choose.
    @Test
    void deepseekV32_upToIndexTopk_isDeepseekV3() {
        Layout v3 = Layout.synthesize(temp.resolve("v3"), "layouts/deepseek_v3");
        Layout v32 = v3.with(temp.resolve("v32"), Layout.adding(all -> {
            for (int layer = 0; layer < 3; layer++) {
                String indexer = "model.layers.%d.self_attn.indexer.".formatted(layer);
                all.put(indexer + "wk.weight", Tensor.random(layer, 16, 128));
                all.put(indexer + "k_norm.bias", Tensor.random(layer, 16));
            }
        }));
        v32.edit("\"model_type\" : \"deepseek_v3\"", "\"model_type\" : \"deepseek_v32\", \"index_topk\" : 40");

        CommandRun.of("inspect", v32.directory(), "--check").expect(ExitCode.OK);
        run(v32, "out").expect(ExitCode.OK);

        assertThat(perplexity(v32)).isEqualTo(perplexity(v3));
        assertThat(Layout.tensors(export("out"))).containsKey("model.layers.2.self_attn.indexer.k_norm.bias");
        v32.edit("\"index_topk\" : 40", "\"index_topk\" : 39");
        assertThat(run(v32, "long").expect(ExitCode.BAD_INPUT).err())
                .contains("config.json: sequence 0 has 40 tokens, wanted at most 39: index_topk, beyond which");
        assertThat(temp.resolve("long/run")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "'\"thinker_config\" : { \"audio_config\" : {}, \"text_config\" : %s }', thinker.model, thinker.lm_head,"
                + " thinker.audio_tower.x",
        "'\"llm_config\" : %s', language_model.model, language_model.lm_head, vision_model.x",
        "'\"text_config\" : %s', model.language_model, lm_head, model.odd_tower.x",
        "'\"language_config\" : %s', some.where, some.lm_head, mlp1.0"
    })
    void wrapper_textModelInside_isTheSameModel(String wrapper, String root, String head, String tower)
            throws IOException {
        Layout alone = Layout.synthesize(temp.resolve("alone"), "small-moe");
        Layout wrapped = alone.with(
                temp.resolve("wrapped"),
                tensors -> tensors.entrySet().stream()
                        .collect(Collectors.toMap(
                                tensor -> tensor.getKey().startsWith("lm_head")
                                        ? tensor.getKey().replaceFirst("lm_head", head)
                                        : tensor.getKey().replaceFirst("model", root),
                                Map.Entry::getValue)));
        wrapped.beside("tower.safetensors", Map.of(tower + ".k_proj.weight", Tensor.random(1, 8, 8)));
        Path config = wrapped.directory().resolve("config.json");
        Files.writeString(
                config,
                "{\"model_type\": \"some_wrapper\", %s}".formatted(wrapper.formatted(Files.readString(config))));

        CommandRun inspected =
                CommandRun.of("inspect", wrapped.directory(), "--check").expect(ExitCode.OK);
        run(wrapped, "out").expect(ExitCode.OK);
        CommandRun.of("verify", export("out")).expect(ExitCode.OK);

        assertThat(inspected.out()).contains("1 of parts that are passed through, 0 unknown, 0 missing");
        assertThat(perplexity(wrapped)).isEqualTo(perplexity(alone));
        assertThat(Layout.tensors(export("out"))).containsKey(tower + ".k_proj.weight");
    }

    @ParameterizedTest
    @CsvSource({
        "layouts/deepseek_v3, model.layers.1.mlp.gate.weight, router 'model.layers.1.mlp.gate'",
        "layouts/deepseek_v3, model.layers.1.mlp.gate.e_score_correction_bias, e_score_correction_bias': value",
        "layouts/mixtral, model.layers.0.block_sparse_moe.gate.weight, router 'model.layers.0.block_sparse_moe.gate'",
        "layouts/llama4_text, language_model.model.layers.1.feed_forward.router.weight, feed_forward.router'",
        "layouts/nemotron_h_latent, backbone.layers.1.mixer.gate.weight, router 'backbone.layers.1.mixer.gate'"
    })
    void router_nanInItsWeights_isRefusedByName(String config, String tensor, String named) {
        Layout sound = Layout.synthesize(temp.resolve("sound"), config);
        Layout broken = sound.with(temp.resolve("broken"), Layout.adding(all -> {
            byte[] bytes = all.get(tensor).bytes();
            int width = all.get(tensor).dtype().bits() / Byte.SIZE;
            bytes[width - 2] = (byte) 0xc0;
            bytes[width - 1] = 0x7f;
        }));

        assertThat(run(broken, "out").expect(ExitCode.BAD_INPUT).err()).contains(tensor);
        CommandRun evaluated = CommandRun.of("evaluate", broken.directory(), "--data", broken.data());
        assertThat(evaluated.expect(ExitCode.BAD_INPUT).err()).contains(named);
    }

    // The names of the tensors tell which family is meant.
    @Test
    void unknownModelType_nearestKnownOneIsNamed() {
        Layout model = Layout.synthesize(temp.resolve("model"), "layouts/glm4_moe");
        model.edit("\"model_type\" : \"glm4_moe\"", "\"model_type\" : \"glm9_moe\"");

        assertThat(run(model, "out").expect(ExitCode.BAD_INPUT).err())
                .contains("(nearest by its tensors: glm4_moe, which they fit)")
                .hasLineCount(1);
    }

    private CommandRun run(Layout model, String out) {
        return CommandRun.of(
                "run", model.directory(), "--recipe", recipe, "--data", model.data(), "--out", temp.resolve(out));
    }

    private Path export(String out) {
        return temp.resolve(out).resolve("export");
    }

    private static double perplexity(Layout model) {
        return CommandRun.of("evaluate", model.directory(), "--data", model.data(), "--json")
                .expect(ExitCode.OK)
                .json()
                .get("perplexity")
                .doubleValue();
    }

    /// Returns a few words on each tensor of a checkpoint, its bytes included.
    private static Map<String, String> digests(Path directory) {
        Map<String, String> digests = new TreeMap<>();
        Layout.tensors(directory)
                .forEach((name, tensor) -> digests.put(
                        name, "%s %s %08x".formatted(tensor.dtype(), tensor.shape(), Arrays.hashCode(tensor.bytes()))));
        return digests;
    }
}
