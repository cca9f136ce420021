package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TorchReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The names under which ModelOpt's launcher finds the state, by family: a table of names that were reloaded by
/// ModelOpt's own functions on vLLM's own model classes.
final class LauncherExportTest {

    private static final Recipe EVERYTHING = Exports.recipe(
            "*_proj.weight_quantizer", Exports.NVFP4,
            "*_proj.input_quantizer", Exports.NVFP4,
            "*.experts.*.w?.weight_quantizer", Exports.NVFP4,
            "*.experts.*.w?.input_quantizer", Exports.NVFP4,
            "*kv_a_proj_with_mqa.weight_quantizer", Exports.NVFP4,
            "*kv_a_proj_with_mqa.input_quantizer", Exports.NVFP4,
            "*[kv]_bmm_quantizer", Exports.FP8);

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            qwen3_moe   | model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v mlp.gate_up_proj mlp.down_proj mlp.experts.0.gate_proj mlp.experts.0.down_proj
            olmoe       | model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v mlp.experts.0.gate_proj mlp.experts.0.down_proj
            mixtral     | model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v block_sparse_moe.experts.0.gate_proj block_sparse_moe.experts.0.down_proj
            glm4_moe    | model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v mlp.gate_up_proj mlp.down_proj mlp.experts.0.gate_proj mlp.experts.0.down_proj mlp.shared_experts.gate_up_proj mlp.shared_experts.down_proj
            gpt_oss     | model.layers.* attn.qkv_proj attn.o_proj attn.attn.k attn.attn.v mlp.experts.0.gate_proj mlp.experts.0.down_proj
            llama4_text | language_model.model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v feed_forward.gate_up_proj feed_forward.down_proj feed_forward.experts.0.gate_proj feed_forward.experts.0.down_proj feed_forward.shared_expert.gate_up_proj feed_forward.shared_expert.down_proj
            deepseek_v3 | model.layers.* self_attn.q_b_proj self_attn.kv_b_proj self_attn.o_proj self_attn.mla_attn.mla_attn.kv_c self_attn.mla_attn.mla_attn.k_pe mlp.gate_up_proj mlp.down_proj mlp.experts.0.gate_proj mlp.experts.0.down_proj mlp.shared_experts.gate_up_proj mlp.shared_experts.down_proj
            deepseek_v2_lite | model.layers.* self_attn.kv_b_proj self_attn.o_proj self_attn.mla_attn.mla_attn.kv_c self_attn.mla_attn.mla_attn.k_pe mlp.gate_up_proj mlp.down_proj mlp.experts.0.gate_proj mlp.experts.0.down_proj mlp.shared_experts.gate_up_proj mlp.shared_experts.down_proj
            nemotron_h  | model.layers.* mixer.in_proj mixer.out_proj mixer.qkv_proj mixer.o_proj mixer.attn.k mixer.attn.v mixer.up_proj mixer.down_proj mixer.experts.0.gate_proj mixer.experts.0.down_proj mixer.shared_experts.up_proj mixer.shared_experts.down_proj
            qwen3_5_moe | language_model.model.layers.* self_attn.qkv_proj self_attn.o_proj self_attn.attn.k self_attn.attn.v linear_attn.out_proj mlp.experts.0.gate_proj mlp.experts.0.down_proj mlp.shared_expert.gate_up_proj mlp.shared_expert.down_proj
            """)
    void family_hasTheNamesThatTheLauncherLooksFor(String family, String names) {
        export(family, EVERYTHING);

        assertThat(keys()).isEqualTo(expected(names));
        assertThat(map(TorchReader.read(temp.resolve("export/quantizer_state.pth")))
                        .keySet())
                .allMatch(name -> name.toString().endsWith("_quantizer._amax"));
    }

    @Test
    void inputs_withoutAQuantizerInTheLauncher_areSaid() {
        List<Finding> findings = export("deepseek_v3", EVERYTHING).findings();

        assertThat(findings)
                .filteredOn(finding -> finding.code().equals("quantizer-not-served"))
                .singleElement()
                .satisfies(
                        finding -> assertThat(finding.message())
                                .contains("self_attn.q_a_proj.input_quantizer")
                                .endsWith(
                                        "and 3 more: ModelOpt's launcher has no quantizer there; it computes with high precision"));
    }

    @Test
    void nothingQuantised_isRefused() {
        assertThatThrownBy(() -> export("qwen3_moe", Exports.recipe()))
                .isInstanceOf(GateException.class)
                .hasMessageContaining("nothing is quantised");
        assertThat(temp.resolve("export")).doesNotExist();
    }

    @Test
    void configs_declareNothing_andNoScaleIsLeft() {
        export("qwen3_moe/nvfp4", Exports.recipe("*[kv]_bmm_quantizer", Exports.FP8));

        try (Checkpoint written = Checkpoint.open(temp.resolve("export"))) {
            assertThat(written.quantization().labels()).isEmpty();
            assertThat(written.tensors().keySet()).noneMatch(name -> name.contains("scale"));
            assertThat(written.tensors().values())
                    .allMatch(tensor ->
                            Set.of("BF16", "F32").contains(tensor.dtype().name()));
        }
        assertThat(temp.resolve("export/hf_quant_config.json")).doesNotExist();
    }

    private ExportResult export(String family, Recipe recipe) {
        try (Checkpoint source = Checkpoint.open(Shared.path("conformance/architectures/" + family))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe.exportedAs(ExportOptions.Format.VLLM_FAKEQUANT));
            return new CheckpointExporter(
                            ExportSource.of(source, decoder),
                            plan,
                            ScaleTable.resolve(Exports.statistics(source, decoder), plan),
                            Exports.OPTIONS)
                    .export(temp.resolve("export"), Exports.noInputs());
        }
    }

    private Set<String> keys() {
        Map<?, ?> file = map(TorchReader.read(temp.resolve("export/vllm_fq_modelopt_state.pth")));
        return map(file.get("modelopt_state_weights")).keySet().stream()
                .map(name -> name.toString().replaceAll("layers\\.\\d+\\.", "layers.*."))
                .collect(Collectors.toSet());
    }

    private static Set<String> expected(String names) {
        List<String> words = List.of(names.split(" "));
        return words.stream()
                .skip(1)
                .map(word -> words.getFirst() + "." + word
                        + (word.matches(".*attn\\.(k|v|kv_c|k_pe)") ? "_bmm_quantizer" : ".input_quantizer"))
                .collect(Collectors.toSet());
    }

    private static Map<?, ?> map(Object value) {
        return (Map<?, ?>) value;
    }
}
