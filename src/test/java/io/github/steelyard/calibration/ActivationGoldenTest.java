package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext.RowMemory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.BlockHistogram;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsTap;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Calibrators of activations on the tiny model against ModelOpt's, which has one quantizer for the input of all
/// experts
/// of a layer, as `export.sharing: layer` says.
final class ActivationGoldenTest {

    private static final String GOLDEN = "conformance/golden/calibrators/";
    private static final String MODEL = "models/tiny-qwen3-moe-bf16";

    private static @Nullable Statistics measured; // once for all tests

    // 512 bins of block amaxes, bit by bit, and the amax of each site.
    @Test
    void headroom_histogramsAndAmaxes_areModelOpts() {
        ScaleTable scales = scales("""
                quantize:
                  algorithm: nvfp4_act_headroom
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - quantizer_name: '*_proj.input_quantizer'
                      cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}
                """);
        JsonNode quantizers = Json.read(Shared.path(GOLDEN + "act_headroom-nvfp4/quantizers.json"));

        assertThat(sites()).hasSize(24);
        try (SafetensorsFile arrays =
                SafetensorsFile.open(Shared.path(GOLDEN + "act_headroom-nvfp4/arrays.safetensors"))) {
            for (String quantizer : sites()) {
                long[] counts =
                        seen(quantizer).blocks().map(BlockHistogram::bins).orElseThrow();
                ByteBuffer golden =
                        arrays.bytes(quantizer + ".log2_hist").asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
                for (long count : counts) {
                    assertThat(count).as(quantizer).isEqualTo(golden.getInt());
                }
                float expected = quantizers.get(quantizer).get("amax").floatValue();
                assertThat(scales.at(members(quantizer).getFirst())
                                .orElseThrow()
                                .amax())
                        .as(quantizer)
                        .isCloseTo(expected, within(1e-6f * expected));
            }
        }
    }

    // ModelOpt takes the lower edge of a bin, and so do we. Its bins are as wide as its first batch wants them, ours at
    // most the 2048th part of the maximum.
    @Test
    void percentiles_areModelOptsWithinABin() {
        for (String percentile : List.of("99.9", "99.99")) {
            ScaleTable scales = scales(histogram("percentile, percentile: " + percentile));
            for (String quantizer : sites()) {
                Golden golden = Golden.of(quantizer);
                float ours = seen(quantizer).magnitudes().orElseThrow().edge(1);
                assertThat(scales.at(members(quantizer).getFirst())
                                .orElseThrow()
                                .amax())
                        .as("%s of %s", percentile, quantizer)
                        .isCloseTo(golden.amax("percentile" + percentile), within(Math.max(ours, golden.edges()[1])));
            }
        }
    }

    // ModelOpt's own call of it fails; repaired, it finds the smallest error of the formula. Where nothing is cut off,
    // the
    // error hardly depends on the amax, so ours is as good on its histogram.
    @Test
    void leastError_isAsSmallAsModelOptsRepairedOne() {
        ScaleTable scales = scales(histogram("mse"));
        for (String quantizer : sites()) {
            Golden golden = Golden.of(quantizer);
            float amax = scales.at(members(quantizer).getFirst()).orElseThrow().amax();
            double least = golden.error(golden.amax("mse.PATCHED"));

            assertThat(golden.error(amax)).as(quantizer).isLessThan(1.02 * least);
            assertThat(amax)
                    .as(quantizer)
                    .isBetween(0.95f * golden.amax("mse.PATCHED"), 1.05f * golden.amax("mse.PATCHED"));
        }
    }

    /// A histogram of ModelOpt's, and what it made of it.
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Golden(String quantizer, float[] counts, float[] edges) {

        static Golden of(String quantizer) {
            try (SafetensorsFile arrays =
                    SafetensorsFile.open(Shared.path(GOLDEN + "histogram-fp8_inputs/arrays.safetensors"))) {
                return new Golden(quantizer, floats(arrays, quantizer + ".hist"), floats(arrays, quantizer + ".edges"));
            }
        }

        private static float[] floats(SafetensorsFile arrays, String name) {
            ByteBuffer bytes = arrays.bytes(name).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            float[] floats = new float[bytes.remaining() / Float.BYTES];
            bytes.asFloatBuffer().get(floats);
            return floats;
        }

        float amax(String method) {
            return Json.read(Shared.path(GOLDEN + "histogram-fp8_inputs/amax_by_method.json"))
                    .get(method)
                    .get("amax")
                    .get(quantizer)
                    .floatValue();
        }

        /// Returns the squared error of FP8 with this amax.
        double error(float amax) {
            float scale = 448 * (1 / amax);
            double error = 0;
            for (int k = 0; k < counts.length; k++) {
                float center = (edges[k] + edges[k + 1]) / 2;
                double difference = (double) E4m3.round(Math.min(center * scale, 448)) * (1 / scale) - center;
                error += counts[k] * difference * difference;
            }
            return error;
        }
    }

    // ModelOpt's exported factors are the means over q, k and v, as ours are; o_proj shares its input with none.
    @Test
    void smoothing_factorsAndAmaxes_areModelOptsInAttention() {
        ScaleTable scales = smoothed();
        JsonNode quantizers = Json.read(Shared.path(GOLDEN + "smoothquant-int8/quantizers.json"));
        try (SafetensorsFile golden =
                SafetensorsFile.open(Shared.path(GOLDEN + "smoothquant-int8/ckpt/model.safetensors"))) {
            for (int layer : List.of(0, 3)) {
                for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                    String module = "model.layers.%d.self_attn.%s".formatted(layer, projection);
                    float[] expected = Golden.floats(golden, module + ".pre_quant_scale");
                    float[] found =
                            Objects.requireNonNull(scales.factors().get(module)).values();
                    for (int i = 0; i < expected.length; i++) {
                        assertThat(found[i]).as(module).isCloseTo(expected[i], within(1e-5f * expected[i]));
                    }
                }
                String output = "model.layers.%d.self_attn.o_proj".formatted(layer);
                float amax =
                        quantizers.get(output + ".input_quantizer").get("amax").floatValue();
                assertThat(scales.at(new Site(output, Role.INPUT)).orElseThrow().amax())
                        .isCloseTo(amax, within(1e-5f * amax));
            }
        }
    }

    // Which ModelOpt leaves as they are where they are stored together. The plain formula, for both that share an
    // input.
    @Test
    void smoothing_coversExperts() {
        ScaleTable scales = smoothed();
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(MODEL))) {
            String expert = "model.layers.1.mlp.experts.5.";
            float[] input = seen("model.layers.1.mlp.experts.gate_up_proj_input_quantizer")
                    .channels()
                    .orElseThrow()
                    .values();
            float[] gate = columns(checkpoint, expert + "gate_proj");
            float[] up = columns(checkpoint, expert + "up_proj");
            float[] found = Objects.requireNonNull(scales.factors().get(expert + "up_proj"))
                    .values();
            float largest = 0;
            for (int i = 0; i < found.length; i++) {
                double mean = (Math.sqrt(gate[i]) / Math.sqrt(input[i]) + Math.sqrt(up[i]) / Math.sqrt(input[i])) / 2;
                assertThat((double) found[i]).isCloseTo(mean, within(1e-5 * mean));
                largest = Math.max(largest, input[i] * found[i]);
            }
            assertThat(scales.at(new Site(expert + "gate_proj", Role.INPUT))
                            .orElseThrow()
                            .amax())
                    .isEqualTo(largest);
            assertThat(scales.factors()).hasSize(4 * (4 + 16 * 3));
        }
    }

    private static float[] columns(Checkpoint checkpoint, String module) {
        Shape shape = checkpoint.tensor(module + ".weight").shape();
        int rows = Math.toIntExact(shape.dim(0));
        int columns = Math.toIntExact(shape.dim(1));
        float[] values = new float[rows * columns];
        new CheckpointWeights(checkpoint)
                .plain(module + ".weight", rows, columns)
                .decodeRows(0, rows, values, 0);
        float[] amax = new float[columns];
        for (int i = 0; i < values.length; i++) {
            amax[i % columns] = Math.max(amax[i % columns], Math.abs(values[i]));
        }
        return amax;
    }

    private static ScaleTable smoothed() {
        String recipe = """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: {method: smoothquant, alpha: 0.5}
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*_proj.input_quantizer', cfg: {num_bits: 8}}
                    - {quantizer_name: '*_proj.weight_quantizer', cfg: {num_bits: 8, axis: 0}}
                """;
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(MODEL))) {
            Decoder decoder = Families.of(checkpoint);
            Plan plan = Plan.of(Recipe.parse(Path.of("test.yaml"), recipe), decoder.modules());
            return ScaleTable.resolve(
                    statistics(),
                    plan,
                    ExportOptions.Sharing.EXPERT,
                    WeightSearch.of(plan, decoder, new CheckpointWeights(checkpoint), 2));
        }
    }

    private static String histogram(String method) {
        return """
                quantize:
                  algorithm: max
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*_proj.input_quantizer', cfg: {num_bits: e4m3, calibrator: histogram}}
                calibration:
                  histogram: {method: %s}
                """.formatted(method);
    }

    /// Returns what all sites of one of ModelOpt's quantizers saw.
    private static Measurement seen(String quantizer) {
        return members(quantizer).stream()
                .map(site -> statistics().at(site).orElseThrow().routed())
                .reduce(Measurement::merge)
                .orElseThrow();
    }

    private static List<String> sites() {
        List<String> sites = new ArrayList<>();
        for (int layer = 0; layer < 4; layer++) {
            for (String module : List.of(
                    "self_attn.q_proj.",
                    "self_attn.k_proj.",
                    "self_attn.v_proj.",
                    "self_attn.o_proj.",
                    "mlp.experts.gate_up_proj_",
                    "mlp.experts.down_proj_")) {
                sites.add("model.layers." + layer + "." + module + "input_quantizer");
            }
        }
        return sites;
    }

    private static List<Site> members(String quantizer) {
        String module = quantizer.replaceFirst("[._]input_quantizer$", "");
        if (!module.contains(".experts.")) {
            return List.of(new Site(module, Role.INPUT));
        }
        String projection = module.endsWith("down_proj") ? "down_proj" : "gate_proj";
        return Stream.iterate(0, expert -> expert < 16, expert -> expert + 1)
                .map(expert -> new Site(
                        module.replaceFirst("experts\\..*", "experts." + expert + "." + projection), Role.INPUT))
                .toList();
    }

    private static ScaleTable scales(String recipe) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path(MODEL))) {
            String head = "metadata: {recipe_type: ptq}\nexport: {sharing: layer}\n";
            Plan plan = Plan.of(
                    Recipe.parse(Path.of("test.yaml"), head + recipe),
                    Families.of(checkpoint).modules());
            return ScaleTable.resolve(statistics(), plan);
        }
    }

    private static synchronized Statistics statistics() {
        if (measured == null) {
            try (Checkpoint checkpoint = Checkpoint.open(Shared.path(MODEL));
                    Arena arena = Arena.ofShared()) {
                Decoder decoder = Families.of(checkpoint);
                Map<Site, Set<Distribution>> wanted = new HashMap<>();
                decoder.modules()
                        .forEach(module ->
                                wanted.put(new Site(module.name(), Role.INPUT), EnumSet.allOf(Distribution.class)));
                List<Statistics> parts = new ArrayList<>(List.of(Statistics.unseen(decoder.modules())));
                StatisticsTap tap = new StatisticsTap(Kernels.fastest(), (part, layer) -> parts.add(part), wanted);
                Pass pass = new Pass(
                        Kernels.fastest(),
                        Gemm.select("auto"),
                        tap,
                        ExpertBackend.DECOMPOSED,
                        ShownTokens.NONE,
                        2,
                        Profile.NONE);
                Sequences sequences = new Sequences(Json.readLines(Shared.path("models/refs/calib.jsonl")).stream()
                        .map(line -> Json.ints(line.get("token_ids")))
                        .toList());
                new Engine(decoder, new CheckpointWeights(checkpoint), pass, RowMemory.ANONYMOUS)
                        .run(
                                sequences,
                                LayerStore.inMemory(arena, sequences, decoder.hidden()),
                                EngineListener.NONE,
                                Optional.empty());
                parts.add(tap.take());
                measured = Statistics.merged(parts);
            }
        }
        return measured;
    }
}
