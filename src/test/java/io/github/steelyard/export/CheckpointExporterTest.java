package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.audit.Verification;
import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.CheckpointScales;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.layout.ModulePlanner;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CheckpointExporterTest {

    private static final Recipe NVFP4_EXPERTS = Exports.recipe(
            "*.experts.*weight_quantizer", Exports.NVFP4,
            "*.experts.*input_quantizer", Exports.NVFP4,
            "*[kv]_bmm_quantizer", Exports.FP8);

    @TempDir
    private Path temp;

    // Calibrating a quantised checkpoint anew must not quantise its weights a second time.
    @Test
    void export_sameFormatAsTheSource_keepsCodesAndScalesByteByByte() {
        export("tiny-qwen3-moe-nvfp4", NVFP4_EXPERTS, "out", Exports.OPTIONS);

        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-nvfp4"));
                Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            for (TensorInfo tensor : source.tensors().values()) {
                boolean same = written.bytes(written.tensor(tensor.name())).mismatch(source.bytes(tensor)) < 0;
                assertThat(same).as(tensor.name()).isEqualTo(!tensor.name().endsWith(".input_scale"));
            }
            String scale = "model.layers.0.mlp.experts.0.down_proj.input_scale";
            assertThat(new CheckpointWeights(written)
                            .vector(scale, written.tensor(scale).shape()))
                    .containsExactly(3f / 2688);
        }
    }

    @Test
    void export_quantisedModulesWithoutARule_areKeptAndDeclared() throws IOException {
        Recipe onlyAttention = Exports.recipe(
                "*self_attn.*_proj.weight_quantizer", Exports.FP8, "*self_attn.*_proj.input_quantizer", Exports.FP8);

        ExportResult result = export("tiny-qwen3-moe-mixed", onlyAttention, "out", Exports.OPTIONS);

        // q, k and v have different scales in the source, and servers one for the three
        assertThat(result.modules()).containsEntry("kept", 4 * 16 * 3 + 4L).containsEntry("encoded", 4 * 3L);
        assertThat(result.verification().findings())
                .filteredOn(finding -> finding.code().equals("group-scales-differ"))
                .isNotEmpty()
                .allMatch(finding -> finding.subject().contains(".mlp.experts."));
        JsonNode config = new JsonMapper()
                .readTree(temp.resolve("out/hf_quant_config.json").toFile());
        assertThat(config.at("/quantization/quant_algo").asText()).isEqualTo("MIXED_PRECISION");
        assertThat(config.at("/quantization/kv_cache_quant_algo").asText()).isEqualTo("FP8");
        assertThat(config.at("/quantization/quantized_layers/model.layers.0.mlp.experts.3.up_proj/quant_algo")
                        .asText())
                .isEqualTo("NVFP4");
        assertThat(config.at("/quantization/quantized_layers/model.layers.1.mlp.experts.3.up_proj/quant_algo")
                        .asText())
                .isEqualTo("FP8");
    }

    @Test
    void export_blockFp8WithoutARule_isDecodedToBf16AndSaysSo() {
        ExportResult result = export("tiny-qwen3-moe-fp8-block", NVFP4_EXPERTS, "out", Exports.OPTIONS);

        assertThat(result.modules()).containsEntry("decoded", 16L).containsEntry("encoded", 192L);
        assertThat(result.findings()).singleElement().satisfies(finding -> {
            assertThat(finding.code()).isEqualTo("decoded");
            assertThat(finding.message()).contains(" and 13 more: stored as FP8 ");
        });
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            assertThat(written.tensor("model.layers.0.self_attn.q_proj.weight").dtype())
                    .isEqualTo(DType.BF16);
            assertThat(written.tensors().keySet()).noneMatch(name -> name.endsWith("_scale_inv"));
        }
    }

    @Test
    void export_anyThreadsAndShardSize_hasTheSameTensors() throws IOException {
        export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "one", new ExportRun(Long.MAX_VALUE, 1, bytes -> {}));
        export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "two", new ExportRun(Long.MAX_VALUE, 2, bytes -> {}));
        export("tiny-qwen3-moe-bf16-sharded", NVFP4_EXPERTS, "cut", new ExportRun(500_000, 2, bytes -> {}));

        for (Path file : files("one")) {
            assertThat(temp.resolve("two").resolve(file.getFileName())).hasSameBinaryContentAs(file);
        }
        try (Checkpoint whole = Checkpoint.open(temp.resolve("one"));
                Checkpoint cut = Checkpoint.open(temp.resolve("cut"))) {
            assertThat(cut.shards()).hasSizeGreaterThan(3);
            assertThat(cut.tensors().keySet()).isEqualTo(whole.tensors().keySet());
            for (TensorInfo tensor : whole.tensors().values()) {
                assertThat(cut.bytes(cut.tensor(tensor.name())).mismatch(whole.bytes(tensor)))
                        .as(tensor.name())
                        .isNegative();
            }
        }
    }

    @Test
    void export_everyTensor_isAlignedForItsType() {
        export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "out", Exports.OPTIONS);

        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            assertThat(written.tensors().values())
                    .allSatisfy(tensor -> assertThat(
                                    tensor.offset() % Math.max(1, tensor.dtype().bits() / 8))
                            .isZero());
        }
    }

    @Test
    void export_tokenizerAndGenerationConfig_areCopied() {
        ExportResult result = export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "out", Exports.OPTIONS);

        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "generation_config.json")) {
            assertThat(result.files()).contains(name);
            assertThat(temp.resolve("out").resolve(name))
                    .hasSameBinaryContentAs(Shared.path("models/tiny-qwen3-moe-bf16/" + name));
        }
    }

    // A peer's recipes with a pinned cache amax promise FP8 keys and values and write no scale.
    @Test
    void export_pinnedCacheAmax_writesTheScales() {
        Recipe pinned = Exports.recipe("*[kv]_bmm_quantizer", "{num_bits: e4m3, use_constant_amax: true}");

        export("tiny-qwen3-moe-bf16", pinned, "out", Exports.OPTIONS);

        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            String scale = "model.layers.3.self_attn.v_proj.v_scale";
            assertThat(new CheckpointWeights(written)
                            .vector(scale, written.tensor(scale).shape()))
                    .containsExactly(1f);
            assertThat(written.quantization().kvCache()).contains("FP8");
        }
    }

    // Servers know one switch for the cache of all layers.
    @Test
    void export_cacheOfSomeLayers_isRefused() {
        Recipe some = Exports.recipe("*layers.0.*[kv]_bmm_quantizer", Exports.FP8);

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> export("tiny-qwen3-moe-bf16", some, "out", Exports.OPTIONS))
                .withMessageContaining("the key and value cache is quantised at 2 of 8 sites");
        assertThat(temp.resolve("out")).doesNotExist();
    }

    @Test
    void export_ontoFilesOfSomebodyElse_isRefused() throws IOException {
        Files.createDirectories(temp.resolve("out"));
        Files.writeString(temp.resolve("out/precious"), "x");

        assertThatExceptionOfType(OutputException.class)
                .isThrownBy(() -> export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "out", Exports.OPTIONS))
                .withMessageContaining("exists and is not empty, and steelyard did not make it (it holds 'precious')");
        assertThat(temp.resolve("out/precious")).hasContent("x");
    }

    @Test
    void export_provenance_goesWithEveryScale() throws IOException {
        export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "out", Exports.OPTIONS);

        JsonNode json =
                new JsonMapper().readTree(temp.resolve("out/steelyard.json").toFile());
        JsonNode up = json.at("/scales/model.layers.0.mlp.experts.0.up_proj.weight_quantizer");
        JsonNode gate = json.at("/scales/model.layers.0.mlp.experts.0.gate_proj.weight_quantizer");
        assertThat(List.of(up.get("provenance").asText(), gate.get("provenance").asText()))
                .containsExactlyInAnyOrder("measured", "shared");
        assertThat(up.get("amax")).isEqualTo(gate.get("amax"));
        assertThat(json.at("/modules/model.layers.0.self_attn.q_proj").asText()).isEqualTo("copied");
    }

    @Test
    void export_verification_reportsTheErrorOfEachWeight() {
        Verification verification = export("tiny-qwen3-moe-bf16", NVFP4_EXPERTS, "out", Exports.OPTIONS)
                .verification();

        assertThat(verification.ok()).isTrue();
        assertThat(verification.findings().stream().filter(Finding::isError)).isEmpty();
        assertThat(verification.formats()).isEqualTo(new TreeMap<>(Map.of("NVFP4", 192L, "PLAIN", 22L)));
        assertThat(verification.errors())
                .hasSize(192)
                .allSatisfy(error -> assertThat(error.error().sqnr()).isBetween(18.0, 24.0));
    }

    // Experts of this family lie in one tensor for each layer. A rule may name some of them.
    @Test
    void export_someExpertsOfAFusedTensor_keepsTheOthersValues() {
        Recipe some = Exports.recipe(
                "*experts.[0-3].*weight_quantizer", Exports.NVFP4, "*experts.[0-3].*input_quantizer", Exports.NVFP4);

        ExportResult result = exportFrom("conformance/architectures/qwen3_5_moe", some, "out", Exports.OPTIONS);

        assertThat(result.verification().errors()).hasSize(4 * 4 * 3);
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            String experts = "model.language_model.layers.0.mlp.experts";
            assertThat(written.has(experts + ".gate_up_proj")).isFalse();
            assertThat(written.tensor(experts + ".3.up_proj.weight").dtype()).isEqualTo(DType.U8);
            assertThat(written.tensor(experts + ".4.up_proj.weight").dtype()).isEqualTo(DType.BF16);
        }
    }

    // TensorRT-LLM and vLLM look for the experts of this family in one tensor, whatever the source had.
    @Test
    void export_expertsServedInOneTensor_areWrittenSoFromEitherLayout() throws IOException {
        Path separate = oneByOne("conformance/architectures/llama4_text");

        exportFrom(Shared.path("conformance/architectures/llama4_text"), NVFP4_EXPERTS, "fused", Exports.OPTIONS);
        exportFrom(separate, NVFP4_EXPERTS, "separate", Exports.OPTIONS);

        assertThat(temp.resolve("separate/model.safetensors"))
                .hasSameBinaryContentAs(temp.resolve("fused/model.safetensors"));
        assertThat(temp.resolve("separate/hf_quant_config.json"))
                .hasSameTextualContentAs(temp.resolve("fused/hf_quant_config.json"));
        try (Checkpoint written = Checkpoint.open(temp.resolve("fused"))) {
            String experts = written.tensors().keySet().stream()
                    .filter(name -> name.endsWith("experts.gate_up_proj"))
                    .findFirst()
                    .orElseThrow();
            Shape codes = written.tensor(experts).shape();
            assertThat(written.tensor(experts).dtype()).isEqualTo(DType.U8);
            assertThat(written.tensor(experts + "_weight_scale").shape())
                    .isEqualTo(Shape.of(codes.dim(0), codes.dim(1) / 8, codes.dim(2)));
            assertThat(written.tensor(experts + "_weight_scale_2").shape()).isEqualTo(Shape.of());
            assertThat(written.tensor(experts + "_input_scale").shape()).isEqualTo(Shape.of());
        }
    }

    // A second export of an export: the codes stay, and so do the scales that no rule asks anew.
    @Test
    void export_quantisedTensorOfExperts_isKeptByteByByte() {
        Path first = temp.resolve("first");
        exportFrom("conformance/architectures/gpt_oss", NVFP4_EXPERTS, "first", Exports.OPTIONS);
        Recipe attention = Exports.recipe(
                "*self_attn.*_proj.weight_quantizer", Exports.FP8, "*self_attn.*_proj.input_quantizer", Exports.FP8);

        ExportResult again = exportFrom(first, NVFP4_EXPERTS, "again", Exports.OPTIONS);
        ExportResult other = exportFrom(first, attention, "other", Exports.OPTIONS);

        assertThat(again.modules()).containsEntry("kept", 3 * 4 * 3L).doesNotContainKey("encoded");
        assertThat(other.modules()).containsEntry("kept", 3 * 4 * 3L).containsEntry("encoded", 3 * 4L);
        try (Checkpoint source = Checkpoint.open(first);
                Checkpoint kept = Checkpoint.open(temp.resolve("other"))) {
            source.tensors().values().stream()
                    .filter(tensor -> tensor.name().contains(".experts."))
                    .forEach(tensor -> assertThat(
                                    kept.bytes(kept.tensor(tensor.name())).mismatch(source.bytes(tensor)))
                            .as(tensor.name())
                            .isNegative());
        }
    }

    @Test
    void export_mxfp4ExpertsWithoutARule_areDecodedIntoOneTensor() {
        Recipe cache = Exports.recipe("*[kv]_bmm_quantizer", Exports.FP8);

        ExportResult result = exportFrom("conformance/architectures/gpt_oss/mxfp4", cache, "out", Exports.OPTIONS);

        assertThat(result.findings()).singleElement().satisfies(finding -> {
            assertThat(finding.code()).isEqualTo("decoded");
            assertThat(finding.message()).contains(" and 3 more: stored as MXFP4");
        });
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            TensorInfo experts = written.tensor("model.layers.0.mlp.experts.gate_up_proj");
            assertThat(experts.dtype()).isEqualTo(DType.BF16);
            assertThat(experts.shape()).isEqualTo(Shape.of(4, 64, 128));
        }
    }

    @Test
    void export_someExpertsOfOneTensor_areRefused() {
        Recipe some = Exports.recipe(
                "*experts.[0-1].*weight_quantizer", Exports.NVFP4, "*experts.[0-1].*input_quantizer", Exports.NVFP4);

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> exportFrom("conformance/architectures/gpt_oss", some, "out", Exports.OPTIONS))
                .withMessageContaining("model.layers.0.mlp.experts.gate_up_proj: servers keep these experts in one")
                .withMessageContaining("model.layers.2.mlp.experts.down_proj: servers keep these experts in one");
    }

    // No k_proj exists in latent attention, and still that is where vLLM reads the scale of what it caches.
    @Test
    void export_latentAttention_hasOneScaleUnderTheNamesThatServersRead() {
        Recipe cache = Exports.recipe("*[kv]_bmm_quantizer", Exports.FP8);

        exportFrom("conformance/architectures/deepseek_v3", cache, "out", Exports.OPTIONS);

        try (Checkpoint written = Checkpoint.open(temp.resolve("out"))) {
            for (String name : List.of("k_proj.k_scale", "v_proj.v_scale")) {
                String scale = "model.layers.1.self_attn." + name;
                assertThat(new CheckpointWeights(written).vector(scale, Shape.of()))
                        .containsExactly(3f / 448);
            }
            assertThat(written.quantization().kvCache()).contains("FP8");
            assertThat(CheckpointScales.read(written, Families.of(written).modules())
                            .quantizers()
                            .keySet())
                    .extracting(Site::role)
                    .containsOnly(Role.LATENT, Role.ROTATED_KEY);
        }
    }

    // Names and exclusions that ModelOpt itself writes for other families.
    @ParameterizedTest
    @CsvSource({"qwen3_moe", "glm4_moe", "nemotron_h"})
    void export_otherFamilies_haveModelOptsNamesAndExclusions(String family) {
        exportFrom("conformance/architectures/" + family, NVFP4_EXPERTS, "out", Exports.OPTIONS);

        String run = "conformance/golden/modelopt-families/" + family + ".nvfp4_experts_only-kv_fp8/ckpt";
        try (Checkpoint written = Checkpoint.open(temp.resolve("out"));
                Checkpoint golden = Checkpoint.open(Shared.path(run))) {
            assertThat(written.tensors().keySet()).isEqualTo(golden.tensors().keySet());
            assertThat(excluded(written)).isEqualTo(excluded(golden));
        }
    }

    /// The peer's names of Nemotron-H end in a NUL and an internal name; without that they are right.
    private static List<String> excluded(Checkpoint checkpoint) {
        return checkpoint
                .json("hf_quant_config.json")
                .flatMap(file -> file.object("quantization"))
                .orElseThrow()
                .strings("exclude_modules")
                .stream()
                .map(name -> name.replace(".\0backbone.pt_name_sentinel", ""))
                .sorted()
                .toList();
    }

    private ExportResult export(String model, Recipe recipe, String name, ExportRun options) {
        return exportFrom("models/" + model, recipe, name, options);
    }

    private ExportResult exportFrom(String model, Recipe recipe, String name, ExportRun options) {
        return exportFrom(Shared.path(model), recipe, name, options);
    }

    private ExportResult exportFrom(Path model, Recipe recipe, String name, ExportRun options) {
        try (Checkpoint source = Checkpoint.open(model)) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe);
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            return new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, options)
                    .export(temp.resolve(name), Exports.noInputs());
        }
    }

    /// Writes a checkpoint of fused experts with each expert's weights under their own names.
    private Path oneByOne(String model) throws IOException {
        Path target = Files.createDirectories(temp.resolve("one-by-one"));
        Files.copy(Shared.path(model).resolve("config.json"), target.resolve("config.json"));
        try (Checkpoint source = Checkpoint.open(Shared.path(model))) {
            List<OutputTensors> tensors = new ArrayList<>();
            Set<String> fused = new HashSet<>();
            for (SourceModule module :
                    ExportSource.of(source, Families.of(source)).modules()) {
                if (module.isFused()) {
                    fused.addAll(module.tensorNames());
                    tensors.addAll(ModulePlanner.unfused(module).tensors());
                }
            }
            source.tensors().values().stream()
                    .filter(tensor -> !fused.contains(tensor.name()))
                    .forEach(tensor -> tensors.add(OutputTensors.of(
                            tensor.name(),
                            tensor.dtype(),
                            tensor.shape(),
                            new TensorContent.Copied(source.bytes(tensor)))));
            new ShardFiles(target, Exports.OPTIONS).write(tensors);
        }
        return target;
    }

    private List<Path> files(String name) throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve(name))) {
            return files.toList();
        }
    }
}
