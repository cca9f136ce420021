package io.github.steelyard.report;

import static io.github.steelyard.report.TinyCheckpoint.EXPERT;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
final class InspectionTest {

    @TempDir
    Path folder;

    @Test
    void check_soundCheckpointOfEveryFormat_findsNothing(@TempDir Path b, @TempDir Path c, @TempDir Path d) {
        assertThat(check(TinyCheckpoint.bf16())).isEmpty();
        assertThat(Inspection.check(TinyCheckpoint.nvfp4().write(b), 2).findings())
                .isEmpty();
        assertThat(Inspection.check(TinyCheckpoint.fp8().write(c), 1).findings())
                .isEmpty();
        assertThat(Inspection.check(TinyCheckpoint.fp8Block().write(d), 1).isSound())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lm_head.weight",
                "model.embed_tokens.weight",
                "model.norm.weight",
                "model.layers.0.input_layernorm.weight",
                "model.layers.0.self_attn.q_norm.weight",
                "model.layers.0.self_attn.o_proj.weight",
                "model.layers.0.mlp.gate.weight",
                EXPERT + "up_proj.weight"
            })
    void check_missingTensor_isAnErrorThatNamesIt(String name) {
        requireError(TinyCheckpoint.bf16().remove(name), "tensor '%s': wanted [".formatted(name), "found nothing");
    }

    @Test
    void check_severalMissingTensors_areNamedEach() {
        List<String> lines = check(TinyCheckpoint.bf16()
                .remove("model.norm.weight")
                .remove("lm_head.weight")
                .remove(EXPERT + "down_proj.weight"));
        assertThat(lines).hasSize(3).allSatisfy(line -> assertThat(line).startsWith("error: "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "weight_scale   | F8_E4M3 [32, 1]",
                "weight_scale_2 | F32 []",
            })
    void check_nvfp4WithoutAScale_isAnErrorThatNamesIt(String part, String wanted) {
        requireError(
                TinyCheckpoint.nvfp4().remove(EXPERT + "down_proj." + part),
                "tensor '%sdown_proj.%s': wanted %s, found nothing".formatted(EXPERT, part, wanted));
    }

    @Test
    void check_nvfp4WithoutAnyScale_namesBoth() {
        List<String> lines = check(TinyCheckpoint.nvfp4()
                .remove(EXPERT + "down_proj.weight_scale")
                .remove(EXPERT + "down_proj.weight_scale_2")
                .remove(EXPERT + "down_proj.input_scale"));
        assertThat(lines).anySatisfy(line -> assertThat(line).contains("down_proj.weight_scale'"));
        assertThat(lines).anySatisfy(line -> assertThat(line).contains("down_proj.weight_scale_2'"));
    }

    @Test
    void check_fp8WithoutItsScale_namesTheOneOfItsConvention(@TempDir Path block) {
        requireError(
                TinyCheckpoint.fp8().remove(EXPERT + "up_proj.weight_scale"),
                "tensor '%sup_proj.weight_scale': wanted the scale of FP8 codes".formatted(EXPERT));
        assertThat(Inspection.check(
                                TinyCheckpoint.fp8Block()
                                        .remove(EXPERT + "up_proj.weight_scale_inv")
                                        .write(block),
                                1)
                        .findingLines())
                .anySatisfy(line -> assertThat(line).contains("'%sup_proj.weight_scale_inv'".formatted(EXPERT)));
    }

    @Test
    void check_wrongShapesAndTypes_nameWantedAndFound() {
        String up = EXPERT + "up_proj";
        requireError(
                TinyCheckpoint.bf16().bf16(up + ".weight", 8, 32),
                "tensor '%s.weight': wanted [16, 32] (config.json: moe_intermediate_size = 16".formatted(up),
                "found BF16 [8, 32]");
        requireError(
                TinyCheckpoint.bf16().bytes("model.norm.weight", "U8", 1, 32),
                "tensor 'model.norm.weight': wanted F32, BF16 or F16, found U8 [32]");
        requireError(
                TinyCheckpoint.bf16().bytes(up + ".weight", "I8", 1, 16, 32),
                "tensor '%s.weight_scale': wanted the block scales".formatted(up));
        requireError(
                TinyCheckpoint.nvfp4().bytes(up + ".weight", "U8", 0x22, 16, 15),
                "tensor '%s.weight': wanted [16, 16], two codes in a byte for [16, 32]".formatted(up),
                "found U8 [16, 15]");
        requireError(
                TinyCheckpoint.nvfp4().bytes(up + ".weight_scale", "F8_E4M3", 0x38, 16, 1),
                "tensor '%s.weight_scale': wanted F8_E4M3 [16, 2], found F8_E4M3 [16, 1]".formatted(up));
        requireError(
                TinyCheckpoint.nvfp4().bytes(up + ".weight_scale", "U8", 0x38, 16, 2),
                "tensor '%s.weight_scale': wanted F8_E4M3 [16, 2], found U8 [16, 2]".formatted(up));
        requireError(
                TinyCheckpoint.nvfp4().tensor(up + ".weight_scale_2", "F32", new long[] {2}, new byte[8]),
                "tensor '%s.weight_scale_2': wanted one value, found F32 [2]".formatted(up));
        requireError(
                TinyCheckpoint.fp8()
                        .tensor(up + ".weight_scale", "F32", new long[] {3}, TinyCheckpoint.floats(1, 1, 1)),
                "tensor '%s.weight_scale': wanted one of the shapes".formatted(up),
                "found [3]");
        requireError(
                TinyCheckpoint.fp8().tensor(up + ".input_scale", "I32", new long[] {}, new byte[4]),
                "tensor '%s.input_scale': wanted F32, BF16 or F16, found I32 []".formatted(up));
    }

    @Test
    void check_biasThatTheConfigDoesNotAnnounce_isAnError() {
        requireError(
                TinyCheckpoint.bf16().bf16("model.layers.0.self_attn.q_proj.bias", 32),
                "tensors that belong to modules of the model, and its config gives no use for them (1):"
                        + " 'model.layers.0.self_attn.q_proj.bias'");
    }

    @Test
    void check_scaleOfOneElement_mayBeScalarOrVector() {
        assertThat(check(TinyCheckpoint.nvfp4()
                        .tensor(EXPERT + "up_proj.weight_scale_2", "F32", new long[] {1}, TinyCheckpoint.floats(0.25f))
                        .tensor(EXPERT + "up_proj.input_scale", "F32", new long[] {1}, TinyCheckpoint.floats(0.5f))))
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"NaN", "Infinity", "-Infinity", "-0.01", "0", "-0.0"})
    void check_scaleNotFiniteAndPositive_isAnErrorThatNamesIt(float value) {
        for (String part : List.of("weight_scale_2", "input_scale")) {
            requireError(
                    TinyCheckpoint.nvfp4().f32(EXPERT + "up_proj." + part, value),
                    "tensor '%sup_proj.%s': wanted finite and positive scales, found %s at index 0"
                            .formatted(EXPERT, part, value));
        }
        requireError(TinyCheckpoint.fp8().f32(EXPERT + "up_proj.weight_scale", value), "up_proj.weight_scale'");
    }

    @Test
    void check_blockScales_nanAndNegativeAreErrors_zeroOverCodesAWarning() {
        String scale = EXPERT + "up_proj.weight_scale";
        requireError(
                TinyCheckpoint.nvfp4().poke(scale, 3, 0x7f),
                "tensor '%s': wanted finite and positive scales, found NaN at index 3, 1 of 32".formatted(scale));
        requireError(TinyCheckpoint.nvfp4().poke(scale, 3, 0xff), "found NaN at index 3");
        requireError(TinyCheckpoint.nvfp4().poke(scale, 3, 0xb8), "found -1.0 at index 3");
        requireWarning(TinyCheckpoint.nvfp4().poke(scale, 3, 0), "block scales of zero over codes", scale);
        TinyCheckpoint zeroBlock = TinyCheckpoint.nvfp4().poke(scale, 3, 0);
        for (int i = 24; i < 32; i++) {
            zeroBlock.poke(EXPERT + "up_proj.weight", i, 0x80); // codes +0 and -0
        }
        assertThat(check(zeroBlock)).isEmpty();
    }

    @Test
    void check_valuesNotFinite_areErrorsThatSayWhere() {
        String weight = EXPERT + "up_proj.weight";
        requireError(
                TinyCheckpoint.bf16().poke(weight, 11, 0x7f).poke(weight, 10, 0xc0),
                "tensor '%s': wanted finite values, found 1 of 512 that are not, the first at index 5"
                        .formatted(weight));
        requireError(
                TinyCheckpoint.bf16().poke("model.norm.weight", 1, 0x7f).poke("model.norm.weight", 0, 0x80),
                "tensor 'model.norm.weight'");
        requireError(TinyCheckpoint.fp8().poke(weight, 511, 0xff), "found 1 of 512", "index 511");
    }

    @Test
    void check_scalesThatLookUncalibrated_areWarnedOf() {
        requireWarning(
                TinyCheckpoint.nvfp4().f32(EXPERT + "down_proj.input_scale", 1),
                "scale 1.0 looks like a default (amax 2688)");
        requireWarning(TinyCheckpoint.nvfp4().f32(EXPERT + "down_proj.input_scale", 1e-42f), "so small or large");
        requireWarning(
                TinyCheckpoint.nvfp4().remove(EXPERT + "down_proj.input_scale"),
                "without an input scale",
                EXPERT + "down_proj.input_scale");
        requireWarning(TinyCheckpoint.nvfp4().f32(EXPERT + "up_proj.weight_scale_2", 0.5f), "experts.1.up_proj");
    }

    @Test
    void check_tensorsThatNobodyReads_areWarnedOf() {
        requireWarning(
                TinyCheckpoint.bf16().bf16("model.layers.0.extra.weight", 4, 4),
                "tensors that the model does not read (1): 'model.layers.0.extra.weight'");
        requireWarning(
                TinyCheckpoint.nvfp4().f32("model.layers.0.mlp.other.weight_scale_2", 1),
                "scales without their weight (1): 'model.layers.0.mlp.other.weight_scale_2'");
        requireWarning(
                TinyCheckpoint.bf16().tensor("extra", "F32", new long[] {1}, TinyCheckpoint.floats(Float.NaN)),
                "tensor 'extra', which the model does not read: wanted finite values");
        requireWarning(
                TinyCheckpoint.bf16().f32(EXPERT + "up_proj.weight_scale", 1),
                "scales beside weights that are not quantised (1): '%sup_proj.weight_scale'".formatted(EXPERT));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"num_experts\": 2             | \"num_experts\": 4              | num_experts: wanted 2, as the tensors of 'model.layers.0.mlp.experts' have, found 4",
                "\"num_experts\": 2             | \"num_experts\": 1              | num_experts: wanted 2",
                "\"num_experts_per_tok\": 1     | \"num_experts_per_tok\": 3      | num_experts_per_tok: wanted an integer in 1..2, found 3",
                "\"num_hidden_layers\": 1       | \"num_hidden_layers\": 2        | tensor 'model.layers.1.mlp.experts.0.up_proj.weight'",
                "\"num_hidden_layers\": 1       | \"num_hidden_layers\": 2147483647 | num_hidden_layers: wanted an integer",
                "\"num_hidden_layers\": 1       | \"num_hidden_layers\": 0        | num_hidden_layers: wanted an integer",
                "\"hidden_size\": 32            | \"hidden_size\": 64             | hidden_size: wanted 32, as tensor 'model.embed_tokens.weight' [12, 32] has, found 64",
                "\"hidden_size\": 32            | \"hidden_size\": \"32\"         | hidden_size: wanted an integer, found \"32\"",
                "\"hidden_size\": 32            | \"hidden_size\": -32            | hidden_size: wanted an integer in",
                "\"hidden_size\": 32            | \"hidden_size\": null           | hidden_size: wanted a value, found nothing",
                "\"vocab_size\": 12             | \"vocab_size\": 13              | vocab_size = 13",
                "\"moe_intermediate_size\": 16  | \"moe_intermediate_size\": 24   | moe_intermediate_size = 24",
                "\"head_dim\": 8                | \"head_dim\": 16                | head_dim = 16",
                "\"num_attention_heads\": 2     | \"num_attention_heads\": 5      | num_attention_heads x head_dim = 40",
                "\"model_type\": \"qwen3_moe\"  | \"model_type\": \"other\"       | model_type: wanted one of",
                "\"rms_norm_eps\": 1e-6         | \"rms_norm_eps\": NaN           | rms_norm_eps: wanted a finite number",
                "\"tie_word_embeddings\": false | \"tie_word_embeddings\": \"no\" | tie_word_embeddings: wanted true or false",
            })
    void check_configThatDisagrees_isAnErrorThatNamesTheKey(String from, String to, String expected) {
        requireError(TinyCheckpoint.bf16().replaceInConfig(from, to), expected);
    }

    @Test
    void check_configOfAbsurdlyManyExperts_isRefusedBeforeTheyAreListed() {
        requireError(
                TinyCheckpoint.bf16()
                        .replaceInConfig("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1024")
                        .replaceInConfig("\"num_experts\": 2", "\"num_experts\": 4096"),
                "num_experts: wanted at most");
    }

    @Test
    void check_everythingMissing_isReadable() {
        List<String> lines =
                check(TinyCheckpoint.bf16().replaceInConfig("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 900"));
        assertThat(lines).hasSizeLessThan(2000);
        assertThat(lines).anySatisfy(line -> assertThat(line).contains("more of the kind 'tensor-missing'"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"quant_algo\": \"NVFP4\" | \"quant_algo\": \"NVFP5\" | found \"NVFP5\"",
                "\"quant_algo\": \"NVFP4\" | \"quant_algo\": \"FP8\"   | quantization.quant_algo says FP8, no module is stored so",
                "\"group_size\": 16        | \"group_size\": 32        | group_size: wanted 16",
                "\"lm_head\"               | \"model.layers.0.mlp.experts.1.up_proj\" | module 'model.layers.0.mlp.experts.1.up_proj': hf_quant_config.json: quantization.exclude_modules says NONE, its tensors are NVFP4",
            })
    void check_quantizationConfigThatDisagrees_isAnErrorThatNamesBoth(String from, String to, String expected) {
        requireError(TinyCheckpoint.nvfp4().replaceInQuantization(from, to), expected);
    }

    @Test
    void check_quantizationConfigThatIsTooWide_isWarnedOf() {
        requireWarning(
                TinyCheckpoint.nvfp4().replaceInQuantization("\"lm_head\", ", ""),
                "quantization.quant_algo says NVFP4 of modules whose tensors are plain (1): 'lm_head'");
        requireWarning(
                TinyCheckpoint.nvfp4().replaceInQuantization("\"lm_head\"", "\"lm_head\", \"vision*\""),
                "that match no module (1): 'vision*'");
        requireWarning(
                TinyCheckpoint.nvfp4()
                        .replaceInQuantization("\"group_size\"", "\"kv_cache_quant_algo\": \"FP8\", \"group_size\""),
                "a KV cache in FP8 is declared",
                "model.layers.0.self_attn.k_proj.k_scale");
        requireWarning(TinyCheckpoint.nvfp4().quantization("{}"), "says NONE of modules whose tensors are NVFP4 (6)");
    }

    @Test
    void check_mixedPrecision_followsEachModule() {
        TinyCheckpoint tiny = TinyCheckpoint.nvfp4().quantization("""
                {"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": {
                 "model.layers.0.mlp.experts.0": {"quant_algo": "NVFP4", "group_size": 16},
                 "model.layers.0.mlp.experts.1": {"quant_algo": "FP8"}}}}""");
        requireError(tiny, "module 'model.layers.0.mlp.experts.1.up_proj'", "says FP8, its tensors are NVFP4");
    }

    @Test
    void check_blocksOfAnotherSize_wantTheirScales() {
        assertThat(Inspection.check(
                                TinyCheckpoint.fp8Block()
                                        .replaceInConfig("[128, 128]", "[64, 64]")
                                        .write(folder),
                                1)
                        .isSound())
                .isTrue();
        requireError(
                TinyCheckpoint.fp8Block().replaceInConfig("[128, 128]", "[8, 8]"),
                "tensor '%sup_proj.weight_scale_inv': wanted one of the shapes [[2, 4]".formatted(EXPERT));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"\"awq\" | quant_method: wanted one of", "\"compressed-tensors\" | config_groups: wanted an object"
            })
    void declarationThatIsNotUnderstood_isShown_andCheckedAsAnError(String method, String problem) {
        TinyCheckpoint tiny = TinyCheckpoint.bf16()
                .replaceInConfig(
                        "\"model_type\"",
                        "\"quantization_config\": {\"quant_method\": %s}, \"model_type\"".formatted(method));
        Inspection shown = Inspection.summarise(tiny.write(folder));
        assertThat(shown.isSound()).isTrue();
        assertThat(shown.summary()).isPresent();
        assertThat(shown.findingLines())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("warning: ")
                        .contains("quantization_config." + problem)
                        .endsWith("shown from its tensors alone"));
        requireError(tiny, "quantization_config." + problem);
    }

    // 255 is NaN; 6 · 2^127 is infinite.
    @ParameterizedTest
    @ValueSource(ints = {255, 254})
    void check_powersOfTwoThatMakeNoNumber_areErrorsThatNameThem(int code) {
        String up = EXPERT + "up_proj";
        TinyCheckpoint tiny = TinyCheckpoint.bf16()
                .remove(up + ".weight")
                .bytes(up + ".weight", "U8", 0x22, 16, 16)
                .bytes(up + ".weight_scale", "U8", 127, 16, 1)
                .poke(up + ".weight_scale", 3, code);
        requireError(tiny, "tensor '%s.weight_scale': wanted finite and positive scales".formatted(up), "at index 3");
    }

    @Test
    void check_inputScaleWhoseAmaxOverflows_isAnErrorThatNamesIt() {
        requireError(
                TinyCheckpoint.nvfp4().f32(EXPERT + "up_proj.input_scale", 3e38f),
                "tensor '%sup_proj.input_scale': wanted a scale whose amax is finite, found 3.0E38".formatted(EXPERT));
    }

    @Test
    void check_manyUnreadTensors_areOneLine() {
        TinyCheckpoint tiny = TinyCheckpoint.bf16();
        for (int i = 0; i < 2; i++) {
            for (String projection : new String[] {"gate_proj", "up_proj", "down_proj"}) {
                tiny.f32("model.layers.0.mlp.experts.%d.%s.odd_scale".formatted(i, projection), 1);
            }
        }
        assertThat(check(tiny))
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("error: ")
                        .contains("(6): 'model.layers.0.mlp.experts.0.down_proj.odd_scale'"));
    }

    @Test
    void check_result_doesNotDependOnThreads() {
        TinyCheckpoint tiny = TinyCheckpoint.nvfp4();
        for (int i = 0; i < 2; i++) {
            for (String module : List.of("gate_proj", "up_proj", "down_proj")) {
                tiny.f32("model.layers.0.mlp.experts.%d.%s.weight_scale_2".formatted(i, module), Float.NaN);
            }
        }
        Path directory = tiny.write(folder);
        Inspection one = Inspection.check(directory, 1);
        assertThat(one.findings()).hasSize(6);
        for (int threads = 2; threads < 9; threads++) {
            assertThat(Inspection.check(directory, threads)).isEqualTo(one);
        }
    }

    @Test
    void summarise_readsNoValues_andCountsFormats() {
        Path directory = TinyCheckpoint.nvfp4()
                .f32(EXPERT + "up_proj.input_scale", Float.NaN)
                .write(folder);
        Inspection inspection = Inspection.summarise(directory);
        assertThat(inspection.findings()).isEmpty();
        CheckpointSummary summary = inspection.summary().orElseThrow();
        assertThat(summary.modelType()).isEqualTo("qwen3_moe");
        assertThat(summary.layers()).isEqualTo(1);
        assertThat(summary.tensors()).isEqualTo(36);
        assertThat(summary.declared()).containsExactly("NVFP4");
        assertThat(summary.modules())
                .contains(
                        new CheckpointSummary.ModuleClass("model.layers.*.mlp.experts.*.up_proj", "NVFP4", 2),
                        new CheckpointSummary.ModuleClass("lm_head", "plain", 1));
        assertThat(summary.lines()).contains("declared      NVFP4 by modelopt (modelopt 0)");
    }

    @Test
    void json_holdsSummaryAndFindings() throws IOException {
        Path directory = TinyCheckpoint.bf16().remove("model.norm.weight").write(folder);
        Inspection inspection = Inspection.check(directory, 1);
        JsonNode json = new ObjectMapper()
                .readTree(Envelope.ofResult("inspect", false, inspection.json(), inspection.findings()));
        assertThat(json.at("/result/sound").booleanValue()).isFalse();
        assertThat(json.at("/result/summary/model_type").textValue()).isEqualTo("qwen3_moe");
        assertThat(json.at("/findings/0/level").textValue()).isEqualTo("error");
        assertThat(json.at("/findings/0/code").textValue()).isEqualTo("tensor-missing");
        assertThat(json.at("/findings/0/place").textValue()).isEqualTo("model.norm.weight");
        assertThat(Inspection.check(folder.resolve("none"), 1)
                        .findings()
                        .getFirst()
                        .message())
                .endsWith("no such directory");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/tiny-qwen3-moe-bf16",
                "models/tiny-qwen3-moe-bf16-sharded",
                "models/tiny-qwen3-moe-mixed",
                "models/tiny-qwen3-moe-nvfp4",
                "models/tiny-qwen3-moe-fp8-block",
                "conformance/golden/modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt",
                "conformance/golden/llmcompressor/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt",
                "conformance/golden/llmcompressor/FP8_BLOCK.bfloat16/ckpt",
                "conformance/architectures/qwen3_moe/nvfp4",
                "conformance/architectures/llama",
                "conformance/architectures/mixtral",
            })
    void check_referenceCheckpoints_areSound(String path) {
        Inspection inspection = Inspection.check(Shared.path(path), 2);
        assertThat(inspection.isSound()).as("%s", inspection.findingLines()).isTrue();
    }

    private List<String> check(TinyCheckpoint checkpoint) {
        return Inspection.check(checkpoint.write(folder), 2).findingLines();
    }

    private void requireError(TinyCheckpoint checkpoint, String... parts) {
        assertThat(check(checkpoint)).anySatisfy(line -> {
            assertThat(line).startsWith("error: " + folder);
            assertThat(line).contains(parts);
        });
    }

    private void requireWarning(TinyCheckpoint checkpoint, String... parts) {
        List<String> lines = check(checkpoint);
        assertThat(lines).noneMatch(line -> line.startsWith("error: "));
        assertThat(lines).anySatisfy(line -> {
            assertThat(line).startsWith("warning: " + folder);
            assertThat(line).contains(parts);
        });
    }
}
