package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Recipes whose input scales come from distributions, from the recipe to the export.
final class DistributionRunsTest {

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));

    @BeforeEach
    void synthesise() {
        inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void brokenRun_onOtherThreads_endsWithTheSameBytes(boolean headroom) throws IOException {
        String recipe = headroom ? headroom() : histogram();
        CommandRun.of(calibrate("one", recipe, "--threads", 1)).expect(ExitCode.OK);

        CommandRun.watched(new ProgressWatcher("layer 3/6", DistributionRunsTest::fail), calibrate("two", recipe))
                .expect(ExitCode.INTERNAL);
        CommandRun.of(calibrate("two", recipe, "--threads", 3)).expect(ExitCode.OK);

        Path file = temp.resolve("one/statistics.safetensors");
        assertThat(temp.resolve("two/statistics.safetensors")).hasSameBinaryContentAs(file);
        assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                .contains(headroom ? "block_histogram_counts" : "histogram_exponent");
    }

    // One run of histograms serves every method: none of them is in the run's key.
    @Test
    void histograms_giveEveryMethodItsScales_andTheExportHasThem() {
        CommandRun.of(calibrate("run", histogram())).expect(ExitCode.OK);
        Map<String, Double> max = scales("quantize.quant_cfg[2].cfg.calibrator=max");
        Map<String, Double> half = scales("calibration.histogram.percentile=50");

        assertThat(max).hasSize(6 * 4 * 3);
        assertThat(half)
                .hasSameSizeAs(max)
                .allSatisfy((site, amax) -> assertThat(amax).as(site).isLessThan(max.get(site)));
        for (String method : List.of("percentile", "mse", "entropy")) {
            assertThat(scales("calibration.histogram.method=" + method))
                    .hasSameSizeAs(max)
                    .allSatisfy((site, amax) -> assertThat(amax)
                            .as("%s of %s", method, site)
                            .isBetween(max.get(site) / 40, max.get(site) * 1.001));
        }
        CommandRun.of(
                        "export",
                        temp.resolve("run"),
                        "--out",
                        temp.resolve("export"),
                        "--set",
                        "calibration.histogram.percentile=50")
                .expect(ExitCode.OK);
        CommandRun.of("verify", temp.resolve("export")).expect(ExitCode.OK);
    }

    @Test
    void headroom_isAboveTheMaximum_andSharedByALayerWhereAsked() {
        CommandRun.of(calibrate("run", headroom())).expect(ExitCode.OK);
        Map<String, Double> max = scales("quantize.algorithm=max");
        Map<String, Double> room = scales("quantize.algorithm.rho=16384");
        Map<String, Double> layer = scales("export.sharing=layer");

        assertThat(room)
                .hasSize(6 * 4 * 3)
                .allSatisfy((site, amax) -> assertThat(amax).as(site).isGreaterThan(2 * max.get(site)));
        assertThat(layer.entrySet().stream()
                        .filter(site -> site.getKey().contains("layers.0.")
                                && site.getKey().contains("down_proj"))
                        .map(Map.Entry::getValue)
                        .distinct())
                .hasSize(1);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
    }

    @Test
    void headroom_thatThereIsNone_isACountedWarning() {
        CommandRun tight = CommandRun.of(calibrate("run", headroom(), "--set", "quantize.algorithm.rho=0.001"))
                .expect(ExitCode.OK);

        assertThat(tight.err())
                .contains(
                        "72 inputs without room above the amax, since small blocks need it as it is: model.layers.0.");
    }

    // One pass serves every alpha: the amax of channels is in the run, factors are made of it and the weights.
    @Test
    void smoothing_isEvaluated_andExportedAsScales() throws IOException {
        CommandRun.of(calibrate("run", smoothed())).expect(ExitCode.OK);
        CommandRun.of(calibrate("run", smoothed(), "--fresh", "--threads", 1)).expect(ExitCode.OK);

        double plain = nll("--set", "quantize.algorithm=max");
        double half = nll();
        assertThat(half).isNotEqualTo(plain);
        assertThat(nll("--set", "quantize.algorithm.alpha=1")).isNotEqualTo(half);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("scales"))
                .expect(ExitCode.OK);
        try (SafetensorsFile scales = SafetensorsFile.open(temp.resolve("scales/scales.safetensors"))) {
            TensorInfo factors = scales.tensors().get("model.layers.5.mlp.experts.3.down_proj.pre_quant_scale");
            assertThat(factors).isNotNull();
            float amax = scales("quantize.algorithm.alpha=0.5")
                    .get("model.layers.5.mlp.experts.3.down_proj.input_quantizer")
                    .floatValue();
            assertThat(scales.bytes("model.layers.5.mlp.experts.3.down_proj.input_scale")
                            .asByteBuffer()
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getFloat())
                    .isEqualTo(amax / 127);
        }
        CommandRun refused = CommandRun.of(
                        "export",
                        temp.resolve("run"),
                        "--out",
                        temp.resolve("export"),
                        "--set",
                        "export.format=modelopt")
                .expect(ExitCode.BAD_INPUT);
        assertThat(refused.err())
                .contains("algorithm 'smoothquant': no server reads the factors of its input channels");
    }

    private double nll(Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(
                "evaluate", inputs.checkpoint(), "--run", temp.resolve("run"), "--data", inputs.data(), "--json"));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray())
                .expect(ExitCode.OK)
                .json()
                .get("nll")
                .doubleValue();
    }

    private String smoothed() throws IOException {
        return Files.writeString(temp.resolve("smoothed.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: {method: smoothquant, alpha: 0.5}
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*_proj.input_quantizer', cfg: {num_bits: 8}}
                    - {quantizer_name: '*_proj.weight_quantizer', cfg: {num_bits: 8, axis: 0}}
                export: {format: scales}
                """).toString();
    }

    @Test
    void runWithoutHistograms_refusesARecipeThatWantsThem() {
        CommandRun.of(calibrate("run", CommandRun.recipe("fp8-experts"))).expect(ExitCode.OK);

        CommandRun export = CommandRun.of(
                        "export",
                        temp.resolve("run"),
                        "--out",
                        temp.resolve("export"),
                        "--set",
                        "quantize.quant_cfg[2].cfg.calibrator=histogram")
                .expect(ExitCode.GATE);

        assertThat(export.err()).contains("what its amax is chosen from was not observed; calibrate with this recipe");
    }

    /// Returns the scales of inputs by site.
    private Map<String, Double> scales(String setting) {
        JsonNode sites = CommandRun.of("stats", temp.resolve("run"), "--json", "--set", setting)
                .expect(ExitCode.OK)
                .json()
                .get("sites");
        Map<String, Double> scales = new TreeMap<>();
        for (JsonNode site : sites) {
            String name = site.get("site").textValue();
            if (site.has("scale_amax") && name.endsWith("input_quantizer")) {
                scales.put(name, site.get("scale_amax").doubleValue());
            }
        }
        return scales;
    }

    private String histogram() {
        return CommandRun.alteredRecipe(
                temp.resolve("histogram.yaml"),
                "fp8-experts",
                "- quantizer_name: '*.experts.*input_quantizer'\n      cfg: {num_bits: e4m3}",
                "- quantizer_name: '*.experts.*input_quantizer'\n      cfg: {num_bits: e4m3, calibrator: histogram}");
    }

    private String headroom() {
        return CommandRun.alteredRecipe(
                temp.resolve("headroom.yaml"), "nvfp4-experts", "algorithm: max", "algorithm: nvfp4_act_headroom");
    }

    private Object[] calibrate(String run, String recipe, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(
                "calibrate",
                inputs.checkpoint(),
                "--recipe",
                recipe,
                "--data",
                inputs.data(),
                "--out",
                temp.resolve(run)));
        arguments.addAll(List.of(options));
        return arguments.toArray();
    }

    private static void fail() {
        throw new IllegalStateException("broken off by the test");
    }
}
