package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.declare.CompressedTensorsDeclaration;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Our export in compressed-tensors against llm-compressor's own of the same model: names, types, shapes, configs, and
/// the bytes of weights and their scales. Scales of activations are not compared: those runs had no causal mask. What
/// differs is in `docs/ODDITIES.md`.
final class CompressedTensorsGoldenTest {

    private static final String GOLDEN = "conformance/golden/llmcompressor/";
    private static final String TINY = "models/tiny-qwen3-moe-bf16";
    private static final Pattern OF_ACTIVATIONS =
            Pattern.compile(".*\\.(input_scale|input_global_scale|k_scale|v_scale)");

    @TempDir
    private Path temp;

    @Test
    void export_nvfp4_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "NVFP4.float32", linears(Exports.NVFP4, Exports.NVFP4)))
                .isEmpty();
        assertThat(config()).isEqualTo(config("NVFP4.float32"));
        assertThat(ignored()).isEqualTo(ignored("NVFP4.float32"));
    }

    @Test
    void export_nvfp4WeightsAlone_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "NVFP4A16.float32", linears(Exports.NVFP4, "")))
                .isEmpty();
        assertThat(config()).isEqualTo(config("NVFP4A16.float32"));
    }

    @Test
    void export_fp8WithItsCache_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "FP8-kv_fp8.float32", linears(Exports.FP8, Exports.FP8, true)))
                .isEmpty();
        assertThat(config()).isEqualTo(config("FP8-kv_fp8.float32"));
        assertThat(ignored()).isEqualTo(ignored("FP8-kv_fp8.float32"));
    }

    @Test
    void export_fp8Dynamic_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "FP8_DYNAMIC.float32", linears(Exports.FP8_CHANNEL, Exports.FP8_TOKEN)))
                .isEmpty();
        assertThat(config()).isEqualTo(config("FP8_DYNAMIC.float32"));
    }

    @Test
    void export_mxfp4_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "MXFP4.float32", linears(Exports.MXFP4, Exports.MXFP4)))
                .isEmpty();
        assertThat(config()).isEqualTo(config("MXFP4.float32"));
    }

    @Test
    void export_int4InGroups_hasThePeersBytes() throws IOException {
        assertThat(differences(TINY, "W4A16_g32.bfloat16", linears(Exports.int4(32), "")))
                .isEmpty();
        assertThat(config()).isEqualTo(config("W4A16_g32.bfloat16"));
        assertThat(ignored()).isEqualTo(ignored("W4A16_g32.bfloat16"));
    }

    // Its run smoothed what reads the first norm of a layer: q, k and v, and the norm.
    @Test
    void export_int8_hasThePeersBytesWhereNothingWasSmoothed() throws IOException {
        String run = "SmoothQuant-W8A8_int8.bfloat16";

        assertThat(differences(TINY, run, linears(Exports.INT8_CHANNEL, Exports.INT8_TOKEN)))
                .isNotEmpty()
                .allMatch(name -> name.matches(".*(self_attn\\.[qkv]_proj\\..*|input_layernorm\\.weight)"));
        assertThat(config()).isEqualTo(config(run));
        assertThat(ignored()).isEqualTo(ignored(run));
    }

    // The peer takes its targets from its user's recipe, in its order; ours are made from the modules.
    @Test
    void export_mixed_hasThePeersBytes() throws IOException {
        String run = "mixed-experts_nvfp4-attn_fp8-kv_fp8.float32";
        Recipe recipe = Exports.recipe(
                "*self_attn.*_proj.weight_quantizer", Exports.FP8,
                "*self_attn.*_proj.input_quantizer", Exports.FP8,
                "*.experts.*weight_quantizer", Exports.NVFP4,
                "*.experts.*input_quantizer", Exports.NVFP4,
                "*[kv]_bmm_quantizer", Exports.FP8);

        assertThat(differences(TINY, run, recipe)).isEmpty();
        assertThat(ignored()).isEqualTo(ignored(run));
        ObjectNode groups = (ObjectNode) config().get("config_groups");
        ObjectNode wanted = (ObjectNode) config(run).get("config_groups");
        assertThat(targets(groups, "group_0"))
                .containsExactly("re:.*layers\\.\\d+\\.mlp\\.experts\\.\\d+\\.(gate_proj|up_proj|down_proj|w1|w2|w3)$");
        assertThat(targets(groups, "group_1"))
                .containsExactly("re:.*layers\\.\\d+\\.self_attn\\.(k_proj|o_proj|q_proj|v_proj)$");
        assertThat(withoutTargets(groups, "group_0")).isEqualTo(withoutTargets(wanted, "group_1"));
        assertThat(withoutTargets(groups, "group_1")).isEqualTo(withoutTargets(wanted, "group_0"));
        assertThat(withoutGroups(config())).isEqualTo(withoutGroups(config(run)));
    }

    // The peer names the experts' projections as no server does that loads this family; ours are the source's.
    @Test
    void export_mixtral_hasThePeersBytesUnderTheSourcesNames() throws IOException {
        UnaryOperator<String> rename = name ->
                name.replace(".w1.", ".gate_proj.").replace(".w3.", ".up_proj.").replace(".w2.", ".down_proj.");
        String run = "mixtral.NVFP4.float32";

        assertThat(differences("conformance/architectures/mixtral", run, linears(Exports.NVFP4, Exports.NVFP4), rename))
                .isEmpty();
        assertThat(config()).isEqualTo(config(run));
        assertThat(ignored()).isEqualTo(ignored(run));
    }

    // The peer also ignores norms, whose class has Gate in its name.
    @Test
    void export_nemotronH_hasThePeersBytes() throws IOException {
        String run = "nemotron_h.NVFP4.float32";

        assertThat(differences("conformance/architectures/nemotron_h", run, linears(Exports.NVFP4, Exports.NVFP4)))
                .isEmpty();
        assertThat(config()).isEqualTo(config(run));
        Set<String> wanted = ignored(run);
        wanted.removeIf(name -> name.endsWith(".norm"));
        assertThat(ignored()).isEqualTo(wanted);
    }

    // Its run had loaded the model in BF16 and rounded every step to it: amax / 448, and the quotient before it was
    // rounded to E4M3.
    @Test
    void export_fp8Block_hasThePeersNamesAndShapesAndItsScalesInBf16() throws IOException {
        String run = "FP8_BLOCK.bfloat16";

        Set<String> differing = differences(TINY, run, linears(Exports.FP8_TILES, Exports.FP8_GROUPS)).stream()
                .map(name -> name.substring(name.lastIndexOf('.')))
                .collect(Collectors.toSet());

        assertThat(differing).containsExactlyInAnyOrder(".weight", ".weight_scale");
        assertThat(config()).isEqualTo(config(run));
        try (Checkpoint written = Checkpoint.open(temp.resolve("export"));
                Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + run + "/ckpt"))) {
            for (TensorInfo scale : golden.tensors().values()) {
                if (scale.name().endsWith(".weight_scale")) {
                    float[] ours = new CheckpointWeights(written).vector(scale.name(), scale.shape());
                    float[] theirs = new CheckpointWeights(golden).vector(scale.name(), scale.shape());
                    for (int i = 0; i < ours.length; i++) {
                        assertThat(theirs[i]).isEqualTo(Bf16.decode(Bf16.encode(ours[i])));
                    }
                }
            }
        }
    }

    private static Recipe linears(String weight, String input) {
        return linears(weight, input, false);
    }

    private static Recipe linears(String weight, String input, boolean cache) {
        List<String> rules = new ArrayList<>();
        for (String layers : List.of("*self_attn.*_proj", "*.experts.*", "*.mixer.*_proj", "*shared_experts.*")) {
            rules.addAll(List.of(layers + ".weight_quantizer", weight));
            if (!input.isEmpty()) {
                rules.addAll(List.of(layers + ".input_quantizer", input));
            }
        }
        if (cache) {
            rules.addAll(List.of("*[kv]_bmm_quantizer", Exports.FP8));
        }
        return Exports.recipe(rules.toArray(String[]::new));
    }

    private Set<String> differences(String model, String run, Recipe recipe) throws IOException {
        return differences(model, run, recipe, UnaryOperator.identity());
    }

    /// Returns the tensors whose bytes differ; fails on another name or shape.
    ///
    /// @param rename our name to the peer's
    private Set<String> differences(String model, String run, Recipe recipe, UnaryOperator<String> rename)
            throws IOException {
        Path target = temp.resolve("export");
        try (Checkpoint source = Checkpoint.open(Shared.path(model));
                Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + run + "/ckpt"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, Exports.inCompressedTensors(recipe));
            new CheckpointExporter(
                            ExportSource.of(source, decoder),
                            plan,
                            Exports.withOwnFp8Scales(Exports.statistics(source, decoder), plan),
                            Exports.OPTIONS)
                    .export(target, Exports.noInputs());
            try (Checkpoint written = Checkpoint.open(target)) {
                assertThat(written.tensors().keySet().stream().map(rename).collect(Collectors.toSet()))
                        .isEqualTo(golden.tensors().keySet());
                return written.tensors().values().stream()
                        .filter(tensor -> differs(written, tensor, golden, golden.tensor(rename.apply(tensor.name()))))
                        .map(TensorInfo::name)
                        .collect(Collectors.toCollection(TreeSet::new));
            }
        }
    }

    private static boolean differs(Checkpoint written, TensorInfo ours, Checkpoint golden, TensorInfo theirs) {
        assertThat(ours.shape()).as(ours.name()).isEqualTo(theirs.shape());
        if (OF_ACTIVATIONS.matcher(ours.name()).matches()) {
            assertThat(ours.dtype()).isEqualTo(DType.F32);
            return false;
        }
        if (isPlain(ours.dtype()) && isPlain(theirs.dtype())) {
            return !Arrays.equals(
                    new CheckpointWeights(written).vector(ours.name(), ours.shape()),
                    new CheckpointWeights(golden).vector(theirs.name(), theirs.shape()));
        }
        assertThat(ours.dtype()).as(ours.name()).isEqualTo(theirs.dtype());
        return written.bytes(ours).mismatch(golden.bytes(theirs)) >= 0;
    }

    private static boolean isPlain(DType dtype) {
        return dtype == DType.F32 || dtype == DType.BF16;
    }

    private ObjectNode config() throws IOException {
        return quantization(temp.resolve("export"));
    }

    private static ObjectNode config(String run) throws IOException {
        ObjectNode config = quantization(Shared.path(GOLDEN + run + "/ckpt"));
        config.put("version", CompressedTensorsDeclaration.VERSION);
        return config;
    }

    private static ObjectNode quantization(Path checkpoint) throws IOException {
        ObjectNode config = (ObjectNode) new JsonMapper()
                .readTree(checkpoint.resolve("config.json").toFile())
                .get("quantization_config");
        config.remove("ignore");
        return config;
    }

    private Set<String> ignored() throws IOException {
        return ignored(temp.resolve("export"));
    }

    private static Set<String> ignored(String run) throws IOException {
        return ignored(Shared.path(GOLDEN + run + "/ckpt"));
    }

    private static Set<String> ignored(Path checkpoint) throws IOException {
        return strings(new JsonMapper()
                        .readTree(checkpoint.resolve("config.json").toFile())
                        .at("/quantization_config/ignore"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<String> targets(ObjectNode groups, String group) {
        return strings(groups.at("/" + group + "/targets")).toList();
    }

    private static JsonNode withoutTargets(ObjectNode groups, String group) {
        return ((ObjectNode) groups.get(group)).deepCopy().without("targets");
    }

    private static JsonNode withoutGroups(ObjectNode config) {
        return config.without("config_groups");
    }

    private static Stream<String> strings(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText);
    }
}
