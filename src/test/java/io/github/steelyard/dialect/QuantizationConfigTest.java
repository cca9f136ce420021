package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.dialect.QuantizationConfig.Method;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.Format;
import io.github.steelyard.pattern.GlobPattern;
import io.github.steelyard.pattern.ModulePattern;
import io.github.steelyard.pattern.RegexPattern;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class QuantizationConfigTest {

    @TempDir
    Path folder;

    @Test
    void none_declaresNothing() throws IOException {
        QuantizationConfig config = parse("{}");
        assertThat(config.method()).isEqualTo(Method.NONE);
        assertThat(config.declarationOf("lm_head").map(Declaration::label)).isEmpty();
        assertThat(config.kvCache()).isEmpty();
    }

    @Test
    void modelOpt_uniformWithExclusions_followsNamesAndGlobs() throws IOException {
        QuantizationConfig config = parse("{}", """
                {"producer": {"name": "modelopt", "version": "0.47"},
                 "quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "group_size": 16,
                  "exclude_modules": ["lm_head", "model.layers.*.mlp.gate", "model.layers.0.self_attn*"]}}""");
        assertThat(config.method()).isEqualTo(Method.MODELOPT);
        assertThat(config.producer()).isEqualTo("modelopt 0.47");
        assertThat(config.kvCache()).contains("FP8");
        assertThat(config.labels()).containsExactly("NVFP4");
        assertThat(config.declarationOf("lm_head").map(Declaration::label)).contains("NONE");
        assertThat(config.declarationOf("model.layers.7.mlp.gate").map(Declaration::label))
                .contains("NONE");
        assertThat(config.declarationOf("model.layers.7.mlp.gate_proj").map(Declaration::label))
                .contains("NVFP4");
        assertThat(config.declarationOf("model.layers.0.self_attn.q_proj").map(Declaration::label))
                .contains("NONE");
        assertThat(config.declarationOf("model.layers.1.self_attn.q_proj").map(Declaration::label))
                .contains("NVFP4");
        Declaration declared =
                config.declarationOf("model.layers.1.mlp.up_proj").orElseThrow();
        assertThat(declared.groupSize()).isEqualTo(16);
        assertThat(declared.how()).isEqualTo(Declaration.How.DEFAULT);
        assertThat(declared.source()).isEqualTo("hf_quant_config.json: quantization.quant_algo");
    }

    @Test
    void modelOpt_mixedPrecision_followsTheNamedModulesAndTheirChildren() throws IOException {
        QuantizationConfig config = parse("{}", """
                {"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": {
                  "model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"},
                  "model.layers.0.mlp.experts": {"quant_algo": "W4A16_NVFP4", "group_size": 16}}}}""");
        assertThat(config.declarationOf("model.layers.0.self_attn.q_proj").map(Declaration::label))
                .contains("FP8");
        assertThat(config.declarationOf("model.layers.0.mlp.experts.17.up_proj").map(Declaration::label))
                .contains("W4A16_NVFP4");
        assertThat(config.declarationOf("model.layers.0.mlp.gate").map(Declaration::label))
                .contains("NONE");
        assertThat(config.declarationOf("model.layers.0.mlp.experts_x").map(Declaration::label))
                .contains("NONE");
    }

    @Test
    void modelOpt_sentinelOfItsNameMapping_isCut() throws IOException {
        QuantizationConfig config = parse("{}", """
                {"quantization": {"quant_algo": "FP8",
                 "exclude_modules": ["lm_head.\\u0000backbone.pt_name_sentinel"]}}""");
        assertThat(config.declarationOf("lm_head").map(Declaration::label)).contains("NONE");
    }

    @Test
    void compressedTensors_mixed_followsIgnoreThenNameThenExpressionThenClass() throws IOException {
        QuantizationConfig config = parse("""
                {"quantization_config": {"quant_method": "compressed-tensors", "version": "0.18.0",
                 "format": "mixed-precision", "config_groups": {
                  "group_0": {"targets": ["re:.*experts\\\\.\\\\d+\\\\.(gate|up|down)_proj$"],
                   "format": "nvfp4-pack-quantized",
                   "weights": {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16},
                   "input_activations": {"num_bits": 4, "type": "float", "dynamic": "local"}},
                  "group_1": {"targets": ["Linear"], "format": "float-quantized",
                   "weights": {"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 128]},
                   "input_activations": null},
                  "group_2": {"targets": ["model.layers.0.mlp.experts.1.up_proj"],
                   "weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}},
                 "ignore": ["lm_head", "re:.*mlp\\\\.gate$", "model.layers.*"],
                 "kv_cache_scheme": {"num_bits": 8, "type": "float"}}}""");
        assertThat(config.method()).isEqualTo(Method.COMPRESSED_TENSORS);
        assertThat(config.producer()).isEqualTo("compressed-tensors 0.18.0");
        assertThat(config.kvCache()).contains("FP8");
        assertThat(config.declarationOf("model.layers.0.mlp.experts.0.up_proj").map(Declaration::label))
                .contains("NVFP4");
        assertThat(config.declarationOf("model.layers.0.mlp.experts.1.up_proj").map(Declaration::label))
                .contains("FP8_CHANNEL");
        assertThat(config.declarationOf("model.layers.0.mlp.gate").map(Declaration::label))
                .contains("NONE");
        assertThat(config.declarationOf("model.layers.0.mlp.gate_proj").map(Declaration::label))
                .contains("FP8_BLOCK");
        assertThat(config.declarationOf("model.layers.0.self_attn.q_proj")
                        .orElseThrow()
                        .blockColumns())
                .isEqualTo(128);
        assertThat(config.findings()).extracting(Finding::subject).containsExactly("model.layers.*");
        assertThat(config.unmatched(Set.of("lm_head", "model.layers.0.mlp.gate")))
                .containsExactly(
                        "model.layers.*",
                        "model.layers.0.mlp.experts.1.up_proj",
                        "re:.*experts\\.\\d+\\.(gate|up|down)_proj$");
    }

    @Test
    void fp8_block_excludesTheModulesNotConverted() throws IOException {
        QuantizationConfig config = parse("""
                {"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 64],
                 "modules_to_not_convert": ["lm_head", "model.layers.*.self_attn"]}}""");
        assertThat(config.declarationOf("lm_head").map(Declaration::label)).contains("NONE");
        assertThat(config.declarationOf("model.layers.3.self_attn.q_proj").map(Declaration::label))
                .contains("NONE");
        Declaration declared =
                config.declarationOf("model.layers.3.mlp.up_proj").orElseThrow();
        assertThat(declared.format()).isEqualTo(Format.FP8_BLOCK);
        assertThat(declared.blockRows()).isEqualTo(128);
        assertThat(declared.blockColumns()).isEqualTo(64);
    }

    @Test
    void mxfp4_gptOss_excludesAttentionRouterAndHead() throws IOException {
        QuantizationConfig config = parse("""
                {"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert":
                 ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}}""");
        assertThat(config.method()).isEqualTo(Method.MXFP4);
        assertThat(config.declarationOf("model.layers.0.mlp.experts.gate_up_proj")
                        .map(Declaration::label))
                .contains("MXFP4");
        assertThat(config.declarationOf("model.layers.0.mlp.router").map(Declaration::label))
                .contains("NONE");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'quant_algo':'NVFP5'}                                   | quantization.quant_algo: wanted a known quant_algo",
                "{'quant_algo':7}                                         | quantization.quant_algo: wanted a text, found 7",
                "{'quant_algo':'NVFP4','group_size':-16}                  | quantization.group_size: wanted an integer in",
                "{'quant_algo':'NVFP4','group_size':'16'}                 | quantization.group_size: wanted an integer",
                "{'quant_algo':'NVFP4','exclude_modules':'lm_head'}       | quantization.exclude_modules: wanted an array of texts",
                "{'quant_algo':'NVFP4','exclude_modules':[1]}             | quantization.exclude_modules: wanted a text, found 1",
                "{'quant_algo':'NVFP4','kv_cache_quant_algo':'FP3'}       | kv_cache_quant_algo: wanted a known KV-cache format",
                "{'quant_algo':'MIXED_PRECISION','quantized_layers':[]}   | quantized_layers: wanted an object, found an array",
                "{'quant_algo':'MIXED_PRECISION','quantized_layers':{'a':'FP8'}} | quantized_layers.a: wanted an object",
                "{'quant_algo':'MIXED_PRECISION','quantized_layers':{'a':{'quant_algo':'NVFP5'}}} | quantized_layers.a.quant_algo: wanted a known",
            })
    void modelOpt_unsound_isRejectedWithItsKey(String quantization, String complaint) {
        String json = "{\"quantization\":%s}".formatted(quantization.replace('\'', '"'));
        assertThatThrownBy(() -> parse("{}", json).requireUnderstood())
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder.resolve("hf_quant_config.json") + ": ")
                .hasMessageContaining(complaint);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'quant_method':'gptq'}                                        | quant_method: wanted one of",
                "{'quant_method':'fp8','fmt':'e5m2'}                            | fmt: wanted e4m3",
                "{'quant_method':'fp8','weight_block_size':[128]}               | weight_block_size: wanted [rows, columns]",
                "{'quant_method':'fp8','weight_block_size':[0,128]}             | weight_block_size: wanted [rows, columns]",
                "{'quant_method':'compressed-tensors'}                          | config_groups: wanted an object",
                "{'quant_method':'compressed-tensors','config_groups':{'g':{'targets':['Linear'],'weights':{'num_bits':4,'type':'int'}}}} | weights of type 'int' cannot be read",
                "{'quant_method':'compressed-tensors','config_groups':{},'ignore':['re:(']} | pattern 're:(' is not a regular expression",
                "{'quant_method':'compressed-tensors','config_groups':{'W9A9':['Linear']}} | W9A9: wanted a known preset",
            })
    void embedded_unsound_isRejectedWithItsKey(String quantization, String complaint) {
        String json = "{\"quantization_config\":%s}".formatted(quantization.replace('\'', '"'));
        assertThatThrownBy(() -> parse(json).requireUnderstood())
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder.resolve("config.json") + ": ")
                .hasMessageContaining(complaint);
    }

    @Test
    void bothFiles_thatContradictEachOther_areRejected() {
        String config = "{\"quantization_config\":{\"quant_method\":\"modelopt\",\"quant_algo\":\"FP8\"}}";
        assertThatThrownBy(() -> parse(config, "{\"quantization\":{\"quant_algo\":\"NVFP4\"}}")
                        .requireUnderstood())
                .hasMessage(
                        "%s: for all modules: NVFP4 here, FP8 in config.json", folder.resolve("hf_quant_config.json"));
    }

    @Test
    void bothFiles_thatExcludeDifferently_areWarnedOf() throws IOException {
        QuantizationConfig config = parse(
                "{\"quantization_config\":{\"quant_algo\":\"FP8\",\"ignore\":[\"lm_head\",\"a\"],\"kv_cache_scheme\":\"NVFP4\"}}",
                "{\"quantization\":{\"quant_algo\":\"FP8\",\"exclude_modules\":[\"lm_head\"],\"kv_cache_quant_algo\":\"FP8\"}}");
        assertThat(config.kvCache()).contains("FP8");
        assertThat(config.findings())
                .extracting(Finding::subject)
                .containsExactly("the excluded modules", "the KV cache");
        assertThat(config.findings().getFirst().message()).endsWith("only here nothing, only in config.json 'a'");
    }

    @Test
    void kvCache_onlyInConfigJson_isTakenFromThere() throws IOException {
        QuantizationConfig config = parse(
                "{\"quantization_config\":{\"quant_algo\":\"FP8\",\"kv_cache_scheme\":{\"num_bits\":8,\"type\":\"float\"}}}",
                "{\"quantization\":{\"quant_algo\":\"FP8\"}}");
        assertThat(config.kvCache()).contains("FP8");
    }

    @ParameterizedTest
    @CsvSource({
        "a.*.c, a.b.c, true",
        "a.*.c, a.b.x.c, true",
        "a.*.c, a.b.c.d, true",
        "a.*.c, a.b.cd, false",
        "*, anything, true",
        "*gate, model.layers.0.mlp.gate, true",
        "*gate, model.layers.0.mlp.gate_proj, false",
        "layers.?.x, layers.1.x, true",
        "layers.?.x, layers.12.x, false",
        "layers.[0-2].x, layers.1.x, true",
        "layers.[!0-2].x, layers.1.x, false",
        "layers.[!0-2].x, layers.3.x, true",
        "layers.[!]0].x, layers.3.x, true",
        "layers.[!]0].x, layers.0.x, false",
        "mtp*, mtp.layers.0.x, true",
        "a*b*c, aXbXc, true",
        "a*b*c, aXcXb, false",
    })
    void glob_matchesAsFnmatchOnTheNameOrAModuleAroundIt(String pattern, String module, boolean matches) {
        assertThat(new GlobPattern(pattern).matches(module, new ModulePattern.Budget(100_000)))
                .isEqualTo(matches);
    }

    @Test
    @Timeout(30)
    void patterns_hostile_takeBoundedTime() {
        for (String pattern :
                List.of("*a".repeat(900) + "b", "re:(a+)+b", "re:(a|b)*c", "re:" + "(a*)*".repeat(300) + "b")) {
            ModuleRules rules = new ModuleRules(folder, ModuleRules.Names.WITH_CHILDREN, 10_000_000);
            Declaration none = Declaration.of(Format.PLAIN, "");
            if (pattern.startsWith("re:")) {
                rules.addRegex(pattern, none);
            } else {
                rules.addGlob(pattern, none);
            }
            String name = "a.".repeat(2000);
            try {
                assertThat(rules.unmatched(Set.of(name))).hasSize(1);
            } catch (CheckpointException e) {
                assertThat(e.problem()).contains("takes too many steps");
            }
        }
    }

    // Backtracking engines need 2^n steps; the budget is what a linear one needs.
    @Test
    void pattern_exponentialForBacktracking_staysInItsBudget() {
        ModulePattern.Budget budget = new ModulePattern.Budget(1_000_000);
        RegexPattern pattern = RegexPattern.of("re:(a+)+b", budget);
        assertThat(pattern.matches("a".repeat(4096), budget)).isFalse();
        assertThatThrownBy(() -> RegexPattern.of("re:" + "(x{50}){50}".repeat(2), new ModulePattern.Budget(1000)))
                .isInstanceOf(ModulePattern.TooManySteps.class);
    }

    @ParameterizedTest
    @CsvSource({
        "models/tiny-qwen3-moe-mixed, MODELOPT, model.layers.0.mlp.experts.3.up_proj, NVFP4",
        "models/tiny-qwen3-moe-mixed, MODELOPT, model.layers.1.mlp.experts.3.up_proj, FP8",
        "models/tiny-qwen3-moe-mixed, MODELOPT, lm_head, NONE",
        "models/tiny-qwen3-moe-fp8-block, FP8, model.layers.1.mlp.experts.3.up_proj, FP8_BLOCK",
        "models/tiny-qwen3-moe-nvfp4, MODELOPT, model.layers.1.self_attn.q_proj, NONE",
        "conformance/architectures/qwen3_5_moe/modelopt_mixed, MODELOPT, model.language_model.layers.0.mlp.experts.1.up_proj, W4A16_NVFP4",
        "conformance/architectures/gpt_oss/mxfp4, MXFP4, model.layers.0.mlp.experts.down_proj, MXFP4",
        "conformance/golden/llmcompressor/FP8_BLOCK.bfloat16/ckpt, COMPRESSED_TENSORS, model.layers.0.self_attn.q_proj, FP8_BLOCK",
        "conformance/golden/llmcompressor/NVFP4.float32/ckpt, COMPRESSED_TENSORS, model.layers.0.mlp.gate, NONE",
        "conformance/golden/llmcompressor/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt, COMPRESSED_TENSORS, model.layers.0.mlp.experts.0.up_proj, NVFP4",
        "conformance/golden/modelopt-families/nemotron_h.fp8_default-kv_fp8/ckpt, MODELOPT, lm_head, NONE",
    })
    void reference_checkpoints_areUnderstood(String path, Method method, String module, String format) {
        Path directory = Shared.path(path);
        Path separate = directory.resolve("hf_quant_config.json");
        QuantizationConfig config = QuantizationConfig.of(
                ConfigJson.read(directory.resolve("config.json")),
                Files.exists(separate) ? Optional.of(ConfigJson.read(separate)) : Optional.empty());
        assertThat(config.method()).isEqualTo(method);
        assertThat(config.declarationOf(module).map(Declaration::label)).contains(format);
    }

    private QuantizationConfig parse(String config) throws IOException {
        return QuantizationConfig.of(read("config.json", config), Optional.empty());
    }

    private QuantizationConfig parse(String config, String separate) throws IOException {
        return QuantizationConfig.of(read("config.json", config), Optional.of(read("hf_quant_config.json", separate)));
    }

    private ConfigJson read(String name, String text) throws IOException {
        return ConfigJson.read(Files.writeString(folder.resolve(name), text));
    }
}
