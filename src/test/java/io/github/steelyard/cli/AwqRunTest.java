package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Runs that solve factors of input channels, from the recipe to the export, against what ModelOpt made of the tiny
/// model.
final class AwqRunTest {

    private static final String GOLDEN = "conformance/golden/calibrators/awq_lite-";
    private static final String NVFP4 = "e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}";
    private static final String INT4 = "4, block_sizes: {-1: 128}";

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @TempDir
    private Path temp;

    // Of 208 searches two exponents come out within a thousandth of each other where a block scale lies on the edge of
    // two codes; then the order of roundings decides, and all experts of that layer have another mean.
    @Test
    void nvfp4_exportIsModelOpts() throws IOException {
        CommandRun.of(calibrate("run", NVFP4, true)).expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);

        long bytes = 0;
        long differing = 0;
        int factors = 0;
        int others = 0;
        try (Checkpoint found = Checkpoint.open(temp.resolve("export"));
                Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + "nvfp4-iter/ckpt"))) {
            assertThat(found.tensors().keySet()).isEqualTo(golden.tensors().keySet());
            for (TensorInfo tensor : golden.tensors().values()) {
                String name = tensor.name();
                TensorInfo other = found.tensor(name);
                assertThat(other.shape()).as(name).isEqualTo(tensor.shape());
                if (tensor.dtype() != DType.F32) {
                    byte[] one = golden.bytes(tensor).toArray(ValueLayout.JAVA_BYTE);
                    byte[] two = found.bytes(other).toArray(ValueLayout.JAVA_BYTE);
                    for (int i = 0; i < one.length; i++) {
                        differing += one[i] == two[i] ? 0 : 1;
                    }
                    bytes += one.length;
                } else {
                    float[] wanted = new CheckpointWeights(golden).vector(name, tensor.shape());
                    float[] values = new CheckpointWeights(found).vector(name, tensor.shape());
                    // ModelOpt ran in float32; norms are written in BF16, as the source has them.
                    float tolerance = name.contains("layernorm") ? 0x1p-8f : 2e-3f;
                    boolean equal = true;
                    for (int i = 0; i < wanted.length; i++) {
                        float magnitude = Math.abs(wanted[i]);
                        assertThat(values[i]).as(name).isCloseTo(wanted[i], within(tolerance * magnitude));
                        equal &= Math.abs(values[i] - wanted[i]) <= 1e-5f * magnitude;
                    }
                    if (name.endsWith(".pre_quant_scale")) {
                        factors++;
                        others += equal ? 0 : 1;
                    }
                    if (name.endsWith(".input_scale")) {
                        assertThat(equal).as(name).isTrue();
                    }
                }
            }
        }
        assertThat(factors).isEqualTo(4 * (16 * 3 + 1));
        assertThat(others).isLessThanOrEqualTo(2 * 16);
        assertThat(bytes).isGreaterThan(1_000_000);
        assertThat(differing).isLessThan(bytes / 500);
        assertThat(Json.read(temp.resolve("export/hf_quant_config.json")).get("quantization"))
                .isEqualTo(Json.read(Shared.path(GOLDEN + "nvfp4-iter/ckpt/hf_quant_config.json"))
                        .get("quantization"));
    }

    // With values for each head, nothing is left to multiply inputs by: norms and rows have it all.
    @Test
    void denseLlama_exportIsModelOpts_withAllFactorsFolded() throws IOException {
        Path golden = Path.of("src/test/resources/golden/awq-llama");
        CommandRun.of(
                        "calibrate",
                        golden.resolve("source"),
                        "--recipe",
                        recipe(NVFP4, true),
                        "--data",
                        golden.resolve("ids.jsonl"),
                        "--out",
                        temp.resolve("run"))
                .expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);

        int norms = 0;
        try (Checkpoint found = Checkpoint.open(temp.resolve("export"));
                Checkpoint expected = Checkpoint.open(golden.resolve("export"));
                Checkpoint source = Checkpoint.open(golden.resolve("source"))) {
            assertThat(found.tensors().keySet()).isEqualTo(expected.tensors().keySet());
            for (TensorInfo tensor : expected.tensors().values()) {
                String name = tensor.name();
                if (tensor.dtype() != DType.F32) {
                    assertThat(found.bytes(found.tensor(name)).toArray(ValueLayout.JAVA_BYTE))
                            .as(name)
                            .isEqualTo(expected.bytes(tensor).toArray(ValueLayout.JAVA_BYTE));
                } else {
                    float[] wanted = new CheckpointWeights(expected).vector(name, tensor.shape());
                    assertThat(new CheckpointWeights(found).vector(name, tensor.shape()))
                            .as(name)
                            .usingComparatorWithPrecision(1e-5f)
                            .containsExactly(wanted);
                    norms += name.contains("layernorm")
                                    && source.bytes(source.tensor(name)).mismatch(expected.bytes(tensor)) >= 0
                            ? 1
                            : 0;
                }
            }
        }
        assertThat(norms).isEqualTo(4);
        double run = nll(golden.resolve("source"), golden.resolve("ids.jsonl"), "--run", temp.resolve("run"));
        assertThat(nll(temp.resolve("export"), golden.resolve("ids.jsonl"), "--fake-quant"))
                .isCloseTo(run, within(1e-5 * run));
    }

    // ModelOpt's experts were fused and not searched: quantised, they change what later layers see in its search.
    @Test
    void int4_factorsAreModelOpts_beforeAnyExpert() {
        CommandRun.of(calibrate("run", INT4, false)).expect(ExitCode.OK);

        try (SafetensorsFile golden = SafetensorsFile.open(Shared.path(GOLDEN + "int4/arrays.safetensors"));
                SafetensorsFile found = SafetensorsFile.open(temp.resolve("run/solved/layer-0.safetensors"))) {
            for (String projection : List.of("q_proj", "k_proj", "v_proj", "o_proj")) {
                String module = "model.layers.0.self_attn." + projection;
                float[] wanted = golden.bytes(module + ".input_quantizer._pre_quant_scale")
                        .toArray(F32);
                float[] factors = found.bytes(module + ".pre_quant_scale").toArray(F32);
                for (int i = 0; i < wanted.length; i++) {
                    assertThat(factors[i]).as(module).isCloseTo(wanted[i], within(1e-5f * wanted[i]));
                }
            }
        }
    }

    @Test
    void factors_anyThreadsAndBrokenRuns_haveTheSameBytes() throws IOException {
        CommandRun.of(calibrate("one", NVFP4, true, "--threads", 1)).expect(ExitCode.OK);
        CommandRun.watched(
                        new ProgressWatcher("solve [######################........] layer 3/4", AwqRunTest::fail),
                        calibrate("two", NVFP4, true, "--threads", 2))
                .expect(ExitCode.INTERNAL);
        CommandRun.of(calibrate("two", NVFP4, true)).expect(ExitCode.OK);

        assertThat(CommandRun.solved(temp.resolve("two")))
                .isEqualTo(CommandRun.solved(temp.resolve("one")))
                .hasSize(4);
    }

    // What is evaluated is what a server computes with the export: norms and weights with their factors, inputs
    // multiplied by what is left of these.
    @ParameterizedTest
    @ValueSource(strings = {NVFP4, INT4})
    void evaluation_isThatOfTheExport(String weights) {
        CommandRun.of(calibrate("run", weights, weights.equals(NVFP4))).expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);

        double run = nll(CommandRun.model("bf16"), CommandRun.calibrationText(), "--run", temp.resolve("run"));
        double export = weights.equals(NVFP4)
                ? nll(temp.resolve("export"), CommandRun.calibrationText(), "--fake-quant")
                : nll(temp.resolve("export"), CommandRun.calibrationText());
        double max = nll(
                CommandRun.model("bf16"),
                CommandRun.calibrationText(),
                "--run",
                temp.resolve("run"),
                "--set",
                "quantize.algorithm.method=max");

        assertThat(export).isCloseTo(run, within(1e-4 * run));
        assertThat(run).isNotCloseTo(max, within(1e-4 * max));
    }

    @Test
    void scales_haveTheFactorsOfEveryModule() {
        CommandRun.of(calibrate("run", NVFP4, true)).expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("scales"), "--set", "export.format=scales")
                .expect(ExitCode.OK);

        try (SafetensorsFile scales = SafetensorsFile.open(temp.resolve("scales/scales.safetensors"))) {
            assertThat(scales.tensors().keySet())
                    .filteredOn(name -> name.endsWith(".pre_quant_scale"))
                    .hasSize(4 * (16 * 3 + 4));
        }
    }

    @Test
    void otherLayouts_haveNoPlaceForFactors() {
        CommandRun.of(calibrate("run", NVFP4, true)).expect(ExitCode.OK);

        for (String format : List.of("compressed-tensors", "vllm-fakequant")) {
            assertThat(CommandRun.of(
                                    "export",
                                    temp.resolve("run"),
                                    "--out",
                                    temp.resolve("export"),
                                    "--set",
                                    "export.format=" + format)
                            .expect(ExitCode.BAD_INPUT)
                            .err())
                    .contains("algorithm 'awq_lite': export.format %s has no place for".formatted(format));
        }
    }

    private static double nll(Path checkpoint, Path data, Object... options) {
        List<Object> arguments =
                new ArrayList<>(List.of("evaluate", checkpoint, "--data", data, "--max-sequences", 4, "--json"));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray())
                .expect(ExitCode.OK)
                .json()
                .get("nll")
                .doubleValue();
    }

    private Object[] calibrate(String run, String weights, boolean inputs, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(
                "calibrate",
                CommandRun.model("bf16"),
                "--recipe",
                recipe(weights, inputs),
                "--data",
                CommandRun.calibrationText(),
                "--out",
                temp.resolve(run)));
        arguments.addAll(List.of(options));
        return arguments.toArray();
    }

    /// Writes the rules of the reference's runs.
    private Path recipe(String weights, boolean inputs) {
        try {
            return Files.writeString(temp.resolve("recipe.yaml"), """
                    metadata: {recipe_type: ptq}
                    quantize:
                      algorithm: {method: awq_lite}
                      quant_cfg:
                        - {quantizer_name: '*', enable: false}
                        - {quantizer_name: '*weight_quantizer', cfg: {num_bits: %s}}
                        %s
                        - {quantizer_name: '*lm_head*', enable: false}
                    calibration: {min_tokens: 1}
                    """.formatted(
                    weights,
                    inputs ? "- {quantizer_name: '*input_quantizer', cfg: {num_bits: %s}}".formatted(NVFP4) : ""));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void fail() {
        throw new IllegalStateException("broken off by the test");
    }
}
