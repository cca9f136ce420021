package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// From recipe to perplexity over the command line, against the table that an independent implementation made. All its
/// rows are held by `PerplexityTableTest` of the calibration.
final class FakeQuantisedEvaluationTest {

    private static final double PERCENT = 0.5;

    @TempDir
    private Path temp;

    @Test
    void evaluate_experts_ofInt8_areComputed() {
        Path golden = Shared.path("conformance/golden/llmcompressor/SmoothQuant-W8A8_int8.bfloat16/ckpt");

        CommandRun.of("evaluate", golden, "--data", CommandRun.calibrationText(), "--max-sequences", 1, "--fake-quant")
                .expect(ExitCode.OK);
    }

    @Test
    void mixedCheckpoint_withItsOwnScales_rowMixed() {
        assertThat(perplexity(CommandRun.model("mixed"), "--fake-quant"))
                .isCloseTo(row("mixed"), withinPercentage(PERCENT));
    }

    @Test
    void checkpointWithoutScales_fakeQuant_isRefused() {
        CommandRun run = CommandRun.of(
                        "evaluate", CommandRun.model("bf16"), "--data", CommandRun.calibrationText(), "--fake-quant")
                .expect(ExitCode.USAGE);

        assertThat(run.err()).contains("declares no quantised inputs and no quantised cache");
    }

    // What an uncalibrated w2 input costs: the reason for all this.
    @ParameterizedTest
    @CsvSource({"iv, 1.0", "iv-b, 0.5"})
    void uncalibratedW2Input_rowsIv(String row, String amax) {
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"), "nvfp4-experts", "\ncalibration:\n", """

                    - quantizer_name: '*.experts.*down_proj.input_quantizer'
                      cfg:
                        num_bits: e2m1
                        block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}
                        constant_amax: %s

                calibration:
                """.formatted(amax));
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, recipe).expect(ExitCode.OK);

        assertThat(perplexity(CommandRun.model("bf16"), "--run", run)).isCloseTo(row(row), withinPercentage(PERCENT));
    }

    @Test
    void sixteenTokens_layerMax_rowVc() {
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"), "nvfp4-experts", "starved_experts: fail", "starved_experts: layer_max");
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, recipe, "--max-sequences", 1, "--sequence-length", 16)
                .expect(ExitCode.OK);

        assertThat(perplexity(CommandRun.model("bf16"), "--run", run)).isCloseTo(row("v-c"), withinPercentage(PERCENT));
    }

    // One calibration, several ways to use it, and what a server reads from the export is what was promised.
    @Test
    void export_givesTheLogitsOfTheRunItWasMadeFrom() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"))
                .expect(ExitCode.OK);
        for (String sharing : List.of("expert", "layer")) {
            Path export = temp.resolve("export-" + sharing);
            CommandRun.of("export", run, "--sharing", sharing, "--out", export).expect(ExitCode.OK);

            double promised = likelihood(CommandRun.model("bf16"), "--run", run, "--sharing", sharing);
            assertThat(likelihood(export, "--fake-quant")).isCloseTo(promised, within(1e-6));
        }
    }

    // FP8 is the same numbers in both; NVFP4 is rounded in another order, and the run is evaluated in that of its
    // recipe.
    @Test
    void export_inBothDialects_givesTheSameLogits() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("fp8_kv-fp8")).expect(ExitCode.OK);
        Path modelOpt = temp.resolve("modelopt");
        Path compressedTensors = temp.resolve("compressed-tensors");
        CommandRun.of("export", run, "--out", modelOpt).expect(ExitCode.OK);
        CommandRun.of("export", run, "--format", "compressed-tensors", "--out", compressedTensors)
                .expect(ExitCode.OK);
        CommandRun.of("verify", compressedTensors, "--source", CommandRun.model("bf16"))
                .expect(ExitCode.OK);

        assertThat(likelihood(compressedTensors, "--fake-quant")).isEqualTo(likelihood(modelOpt, "--fake-quant"));
    }

    @Test
    void export_inCompressedTensors_givesTheLogitsOfTheRunItWasMadeFrom() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"))
                .expect(ExitCode.OK);
        Path export = temp.resolve("export");
        String setting = "export.format=compressed-tensors";
        CommandRun.of("export", run, "--set", setting, "--out", export).expect(ExitCode.OK);

        double promised = likelihood(CommandRun.model("bf16"), "--run", run, "--set", setting);
        assertThat(likelihood(export, "--fake-quant")).isCloseTo(promised, within(1e-6));
    }

    @Test
    void otherCheckpoint_thanTheOneCalibrated_isRefused() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts")).expect(ExitCode.OK);

        CommandRun evaluated = CommandRun.of(
                        "evaluate", CommandRun.model("nvfp4"), "--data", CommandRun.calibrationText(), "--run", run)
                .expect(ExitCode.BAD_INPUT);
        assertThat(evaluated.err()).contains("was calibrated on a checkpoint with digest");
    }

    private static double perplexity(Path checkpoint, Object... options) {
        JsonNode json = evaluate(checkpoint, Shared.path("models/valid.jsonl"), options);
        assertThat(json.get("predictions").longValue()).isEqualTo(24257);
        assertThat(json.get("fake_quantised_sites").intValue()).isPositive();
        return json.get("perplexity").doubleValue();
    }

    private static double likelihood(Path checkpoint, Object... options) {
        return evaluate(checkpoint, CommandRun.calibrationText(), options)
                .get("nll")
                .doubleValue();
    }

    private static JsonNode evaluate(Path checkpoint, Path data, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of("evaluate", checkpoint, "--data", data, "--json"));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray()).expect(ExitCode.OK).json();
    }

    private static double row(String name) {
        for (JsonNode row :
                Json.read(Shared.path("models/refs/perplexity.json")).get("rows")) {
            if (row.get("row").textValue().equals(name)) {
                return row.get("ppl").doubleValue();
            }
        }
        throw new AssertionError("the table has no row " + name);
    }
}
