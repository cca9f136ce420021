package io.github.steelyard.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Searches against those that ModelOpt ran on the tiny model.
final class SearchGoldenTest {

    private static final String GOLDEN = "conformance/golden/calibrators/";
    private static final List<String> ATTENTION = List.of("q_proj", "k_proj", "v_proj", "o_proj");

    @TempDir
    private Path temp;

    private @Nullable Checkpoint source; // none where the reference data is absent

    @BeforeEach
    void open() {
        source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"));
    }

    @AfterEach
    void close() {
        if (source != null) {
            source.close();
        }
    }

    @Test
    void multipliers_areModelOpts() throws IOException {
        assertThat(Multipliers.spaced(0.25, 4, 0.1).toArray()).containsExactly(array("mse-fp8_tensor", "candidates"));
        assertThat(Multipliers.spaced(1, 1.5, 0.5).toArray())
                .containsExactly(array("four_over_six-nvfp4", "candidates"));
        float[] swept = array("local_hessian-nvfp4_static", "candidates");
        for (int code = 1; code <= 126; code++) {
            assertThat(new StaticScales(1, 448).swept(code)).isEqualTo(swept[code - 1]);
        }
    }

    // The losses of 1024 blocks, bit by bit: order of summation and arithmetic are ModelOpt's.
    @Test
    void fourOverSix_losses_areModelOpts() throws IOException {
        float[] weights = values("model.layers.0.self_attn.q_proj");
        float[] losses = array("four_over_six-nvfp4", "model.layers.0.self_attn.q_proj.weight_quantizer.loss");
        StaticScales scales = new StaticScales(sharedAmax("model.layers.0.self_attn.q_proj"), 256);
        for (int block = 0; block < 1024; block++) {
            float amax = Amax.of(weights, 16 * block, 16);
            assertThat(ReferenceBlockSearch.error(weights, 16 * block, scales.tried(amax)))
                    .isEqualTo(losses[block]);
            assertThat(ReferenceBlockSearch.error(weights, 16 * block, scales.tried(1.5f * amax)))
                    .isEqualTo(losses[1024 + block]);
        }
    }

    @Test
    void fourOverSix_amaxes_areModelOpts() throws IOException {
        String suffix = ".weight_quantizer._amax";
        int compared = 0;
        for (int layer = 0; layer < 4; layer++) {
            for (String projection : ATTENTION) {
                String module = "model.layers.%d.self_attn.%s".formatted(layer, projection);
                assertThat(fourOverSix(module, values(module)))
                        .as(module)
                        .containsExactly(array("four_over_six-nvfp4", module + suffix));
                compared++;
            }
        }
        for (int layer : List.of(0, 3)) {
            for (int expert = 0; expert < 4; expert++) {
                String module = "model.layers.%d.mlp.experts.%d.".formatted(layer, expert);
                String quantizer =
                        "model.layers.%d.mlp.experts.%%s_proj_weight_quantizers.%d._amax".formatted(layer, expert);
                assertThat(fourOverSix(module + "down_proj", values(module + "down_proj")))
                        .containsExactly(array("four_over_six-nvfp4", quantizer.formatted("down")));
                assertThat(fourOverSix(module + "gate_proj", values(module + "gate_proj", module + "up_proj")))
                        .containsExactly(array("four_over_six-nvfp4", quantizer.formatted("gate_up")));
                compared++;
            }
        }
        assertThat(compared).isEqualTo(24);
    }

    @Test
    void mse_fp8Tensors_areModelOpts() {
        JsonNode quantizers = Json.read(Shared.path(GOLDEN + "mse-fp8_tensor/quantizers.json"));
        TensorSearch search = new TensorSearch(Multipliers.spaced(0.25, 4, 0.1), Kernels.fastest());
        int compared = 0;
        for (Map.Entry<String, JsonNode> quantizer : quantizers.properties()) {
            List<StoredWeight> weights = quantizer.getValue().get("enabled").booleanValue()
                    ? modules(quantizer.getKey()).stream().map(this::weight).toList()
                    : List.of();
            if (!weights.isEmpty()) {
                float found = search.amax(Format.FP8, weights, amax(weights));
                assertThat(found)
                        .as(quantizer.getKey())
                        .isEqualTo(quantizer.getValue().get("amax").floatValue());
                compared++;
            }
        }
        assertThat(compared).isEqualTo(144);
    }

    // Every group of the model, and the losses that ModelOpt kept: those were summed in float32, ours are in float64.
    @Test
    void mse_int4Groups_areModelOpts() throws IOException {
        Multipliers multipliers = Multipliers.spaced(0.25, 4, 0.1);
        IntScales search = new IntScales(multipliers, 4, 128, Arithmetic.MODELOPT, Kernels.fastest());
        JsonNode quantizers = Json.read(Shared.path(GOLDEN + "mse-int4_block128/quantizers.json"));
        int compared = 0;
        for (Map.Entry<String, JsonNode> quantizer : quantizers.properties()) {
            List<String> modules =
                    quantizer.getValue().get("enabled").booleanValue() ? modules(quantizer.getKey()) : List.of();
            if (!modules.isEmpty()) {
                float[] wanted = array("mse-int4_block128", quantizer.getKey() + "._amax");
                float[] values = values(modules.toArray(String[]::new));
                int columns = weight(modules.getFirst()).columns(); // 96 or 128: one group in a row
                for (int row = 0; row < wanted.length; row++) {
                    assertThat(search.amax(values, row * columns, columns)).isEqualTo(wanted[row]);
                }
                compared += wanted.length;
            }
        }
        assertThat(compared).isEqualTo(22_016);
        float[] losses = array("mse-int4_block128", "model.layers.0.self_attn.q_proj.weight_quantizer.loss");
        float[] values = values("model.layers.0.self_attn.q_proj");
        for (int i = 0; i < losses.length; i++) {
            float amax =
                    Amax.of(values, i % 128 * 128, 128) * multipliers.values().get(i / 128);
            assertThat((float) IntScales.error(Kernels.fastest(), 4, values, i % 128 * 128, 128, amax))
                    .isCloseTo(losses[i], withinPercentage(1e-4));
        }
    }

    /// Returns the modules whose weight ModelOpt keeps under one quantizer.
    private static List<String> modules(String quantizer) {
        if (quantizer.endsWith(".weight_quantizer")) {
            return List.of(quantizer.substring(0, quantizer.lastIndexOf('.')));
        }
        String expert = quantizer.replaceFirst(
                "experts\\.(down|gate_up)_proj_weight_quantizers\\.(\\d+)$", "experts.$2.$1_proj");
        if (expert.equals(quantizer)) {
            return List.of();
        }
        return expert.endsWith("gate_up_proj")
                ? List.of(expert.replace("gate_up", "gate"), expert.replace("gate_up", "up"))
                : List.of(expert);
    }

    private float[] fourOverSix(String module, float[] weights) {
        BlockRule rule = new BlockRule.Grid(Multipliers.spaced(1, 1.5, 0.5));
        return new BlockSearch(rule, new StaticScales(sharedAmax(module), 256), Kernels.fastest())
                .amaxes(weights, 0, 1, weights.length);
    }

    /// Returns the largest amax of the modules that share one with `module`.
    private float sharedAmax(String module) {
        String parent = module.substring(0, module.lastIndexOf('.') + 1);
        List<String> names = module.endsWith("o_proj") || module.endsWith("down_proj")
                ? List.of(module)
                : module.contains("self_attn")
                        ? List.of(parent + "q_proj", parent + "k_proj", parent + "v_proj")
                        : List.of(parent + "gate_proj", parent + "up_proj");
        return amax(names.stream().map(this::weight).toList());
    }

    private static float amax(List<StoredWeight> weights) {
        float amax = 0;
        for (StoredWeight weight : weights) {
            float[] values = new float[weight.rows() * weight.columns()];
            weight.decodeRows(0, weight.rows(), values, 0);
            amax = Math.max(amax, Amax.of(values, 0, values.length));
        }
        return amax;
    }

    private StoredWeight weight(String module) {
        Shape shape = Objects.requireNonNull(source).tensor(module + ".weight").shape();
        return new CheckpointWeights(Objects.requireNonNull(source))
                .plain(module + ".weight", Math.toIntExact(shape.dim(0)), Math.toIntExact(shape.dim(1)));
    }

    private float[] values(String... modules) {
        List<float[]> parts = new ArrayList<>();
        int count = 0;
        for (String module : modules) {
            StoredWeight weight = weight(module);
            float[] values = new float[weight.rows() * weight.columns()];
            weight.decodeRows(0, weight.rows(), values, 0);
            parts.add(values);
            count += values.length;
        }
        float[] all = new float[count];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    private float[] array(String folder, String name) throws IOException {
        Path directory = temp.resolve(folder);
        if (!Files.exists(directory)) {
            Files.createDirectory(directory);
            Files.copy(Shared.path(GOLDEN + folder + "/arrays.safetensors"), directory.resolve("model.safetensors"));
            Files.copy(Shared.path("models/tiny-qwen3-moe-bf16/config.json"), directory.resolve("config.json"));
        }
        try (Checkpoint arrays = Checkpoint.open(directory)) {
            return new CheckpointWeights(arrays)
                    .vector(name, arrays.tensor(name).shape());
        }
    }
}
