package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.dialect.QuantizationConfig.Method;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Configs of publishers and quantisers beside ModelOpt and compressed-tensors, and configs that nobody understands.
final class PublishersConfigTest {

    private static final String EXPERT = "model.layers.3.mlp.experts.17.up_proj";

    @TempDir
    Path folder;

    // transformers and servers take a listed name for every module whose name holds it.
    @ParameterizedTest
    @CsvSource({
        "mlp.gate, model.layers.3.mlp.gate, true",
        "mlp.gate, model.layers.3.mlp.gate_proj, false",
        "gate, model.layers.3.block_sparse_moe.gate, true",
        "gate, model.layers.3.mlp.shared_expert_gate, false",
        "self_attn, model.layers.3.self_attn.q_proj, true",
        "model.layers.3.self_attn, model.layers.3.self_attn.q_proj, true",
        "layers.3.self_attn, model.layers.33.self_attn.q_proj, false",
        "re:.*self_attn.*, model.layers.3.self_attn.q_proj, true",
        "lm_head, lm_head, true",
    })
    void fp8_listedName_standsForModulesThatHoldIt(String listed, String module, boolean excluded) throws IOException {
        QuantizationConfig config = embedded("""
                {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["%s"]}""".formatted(listed));
        assertThat(config.declarationOf(module).map(Declaration::label)).contains(excluded ? "NONE" : "FP8_BLOCK");
        assertThat(config.unmatched(Set.of(module)).isEmpty()).isEqualTo(excluded);
    }

    @Test
    void fp8_nameOfAnotherPart_isUnmatched() throws IOException {
        QuantizationConfig config =
                embedded("{\"quant_method\": \"fp8\", \"modules_to_not_convert\": [\"vision_tower\", \"gate\"]}");
        assertThat(config.unmatched(Set.of("model.layers.0.mlp.gate"))).containsExactly("vision_tower");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'quant_method':'mxfp8','weight_block_size':[1,32]}                    | MXFP8  | MXFP8       | DYNAMIC",
                "{'quant_method':'fp8','scale_fmt':'ue8m0','weight_block_size':[1,32]}  | FP8    | MXFP8       | DYNAMIC",
                "{'quant_method':'fp8','weight_block_size':null,'activation_scheme':'static'} | FP8 | FP8       | STATIC",
                "{'quant_method':'auto-round','bits':8,'data_type':'fp8','weight_block_size':[128,128],'act_bits':8} | AUTO_ROUND | FP8_BLOCK | DYNAMIC",
                "{'quant_method':'auto-round','bits':8,'data_type':'fp8','group_size':-1,'act_bits':8} | AUTO_ROUND | FP8_CHANNEL | DYNAMIC",
                "{'quant_method':'auto-round','bits':4,'data_type':'nv_fp4_with_static_gs','group_size':16,'act_bits':4} | AUTO_ROUND | NVFP4 | STATIC",
                "{'quant_method':'auto-round','bits':4,'data_type':'mx_fp','group_size':32,'act_bits':16} | AUTO_ROUND | MXFP4 | NONE",
                "{'quant_method':'quark','global_quant_config':{'weight':{'dtype':'fp8_e4m3','qscheme':'per_tensor'},'input_tensors':{'is_dynamic':false}}} | QUARK | FP8 | STATIC",
                "{'quant_method':'quark','global_quant_config':{'weight':{'dtype':'fp4','qscheme':'per_group','group_size':32,'scale_format':'e8m0'}}} | QUARK | MXFP4 | NONE",
            })
    void method_isUnderstood(String json, Method method, String format, Declaration.Input input) throws IOException {
        QuantizationConfig config = embedded(json.replace('\'', '"'));
        assertThat(config.problem()).isEmpty();
        assertThat(config.method()).isEqualTo(method);
        Declaration declared = config.declarationOf(EXPERT).orElseThrow();
        assertThat(declared.label()).isEqualTo(format);
        assertThat(declared.input()).isEqualTo(input);
    }

    @ParameterizedTest
    @CsvSource({
        "4, true, 32, INT4",
        "8, false, 128, INT8",
        "4, false, -1, INT4",
    })
    void packedIntegers_areDeclared(int bits, boolean symmetric, int group, String format) throws IOException {
        QuantizationConfig config = embedded("""
                {"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"],
                 "config_groups": {"g": {"targets": ["Linear"], "input_activations": null, "weights":
                  {"num_bits": %d, "type": "int", "symmetric": %s, "group_size": %d, "strategy": "group"}}}}""".formatted(bits, symmetric, group));
        Declaration declared = config.declarationOf(EXPERT).orElseThrow();
        assertThat(declared.label()).isEqualTo(format);
        assertThat(declared.zeroPoints()).isEqualTo(!symmetric);
        assertThat(declared.groupSize()).isEqualTo(Math.max(0, group));
        assertThat(declared.input()).isEqualTo(Declaration.Input.NONE);
    }

    // The shape of published DeepSeek checkpoints whose experts were quantised anew.
    @Test
    void fp8WithExpertsOfModelOpt_isLaidOver() throws IOException {
        QuantizationConfig config = QuantizationConfig.of(
                config("{\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128],"
                        + " \"modules_to_not_convert\": [\"lm_head\"]}}"),
                Optional.of(read("hf_quant_config.json", """
                        {"producer": {"name": "modelopt", "version": "0.46"}, "quantization":
                         {"quant_algo": "MIXED_PRECISION", "exclude_modules": ["lm_head", "model.layers.*.self_attn.*"],
                          "quantized_layers": {"model.layers.3.mlp.experts":
                           {"quant_algo": "NVFP4", "group_size": 16}}}}""")));
        assertThat(config.problem()).isEmpty();
        assertThat(config.declarationOf(EXPERT).map(Declaration::label)).contains("NVFP4");
        assertThat(config.declarationOf("model.layers.3.self_attn.q_proj").map(Declaration::label))
                .contains("FP8_BLOCK");
        assertThat(config.declarationOf("lm_head").map(Declaration::label)).contains("NONE");
        assertThat(config.labels()).containsExactly("FP8_BLOCK", "NVFP4");
        assertThat(config.producer()).isEqualTo("modelopt 0.46");
    }

    @Test
    void fp8WithAnAlgorithmOfItsExperts_saysSoOfRoutedOnesAlone() throws IOException {
        QuantizationConfig config = embedded("{\"quant_method\": \"fp8\", \"moe_quant_algo\": \"NVFP4\"}");
        assertThat(config.declarationOf(EXPERT).map(Declaration::label)).contains("NVFP4");
        assertThat(config.declarationOf("model.layers.3.mlp.shared_experts.up_proj")
                        .map(Declaration::label))
                .contains("FP8");
    }

    @Test
    void unknownMethod_isAProblemAndNoException() throws IOException {
        QuantizationConfig config = embedded("{\"quant_method\": \"awq\"}");
        assertThat(config.method()).isEqualTo(Method.UNKNOWN);
        assertThat(config.declarationOf(EXPERT).map(Declaration::label)).isEmpty();
        assertThatThrownBy(config::requireUnderstood)
                .isInstanceOf(CheckpointException.class)
                .hasMessage(
                        "%s: quantization_config.quant_method: wanted one of modelopt, compressed-tensors, fp8, mxfp8,"
                                + " mxfp4, auto-round (FP8, MX and NVFP4), quark (FP8, MXFP4), found \"awq\"",
                        folder.resolve("config.json"));
    }

    private QuantizationConfig embedded(String json) throws IOException {
        return QuantizationConfig.of(config("{\"quantization_config\":" + json + "}"), Optional.empty());
    }

    private ConfigJson config(String text) throws IOException {
        return read("config.json", text);
    }

    private ConfigJson read(String name, String text) throws IOException {
        return ConfigJson.read(Files.writeString(folder.resolve(name), text));
    }
}
