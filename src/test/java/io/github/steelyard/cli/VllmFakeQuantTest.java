package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TokenIds;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Exports for a server that fake-quantises, over the command line: what it computes is what a server of codes would.
final class VllmFakeQuantTest {

    private static final String STATE = "vllm_fq_modelopt_state.pth";
    private static final String LAYER = "export.sharing=layer";

    @TempDir
    private static Path shared;

    @TempDir
    private Path temp;

    // FP8 is the same numbers in both dialects. In float32 nothing is rounded when codes become values.
    @Test
    void fp8_inBothDialectsAndFakeQuantised_givesTheSameLogits() throws IOException {
        Path model = inFloat32(CommandRun.model("bf16"));
        Path run = temp.resolve("run");
        CommandRun.calibrate(model, run, CommandRun.recipe("fp8_kv-fp8")).expect(ExitCode.OK);

        Path modelOpt = logits(export(run, "modelopt"));

        assertThat(logits(export(run, "compressed-tensors"))).hasSameBinaryContentAs(modelOpt);
        assertThat(logits(export(run, "vllm-fakequant"))).hasSameBinaryContentAs(modelOpt);
    }

    @Test
    void mixed_inModelOptAndFakeQuantised_givesTheSameLogits() throws IOException {
        Path model = inFloat32(CommandRun.model("bf16"));
        Path run = temp.resolve("run");
        CommandRun.calibrate(model, run, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"))
                .expect(ExitCode.OK);

        assertThat(logits(export(run, "vllm-fakequant"))).hasSameBinaryContentAs(logits(export(run, "modelopt")));
    }

    // Each source is quantised in another way, and the recipe leaves a part of it alone.
    @ParameterizedTest
    @CsvSource({
        "qwen3_moe/nvfp4, qwen3-30b-a3b",
        "qwen3_5_moe/modelopt_mixed, qwen3.6-35b-a3b",
        "gpt_oss/mxfp4, gpt-oss",
        "deepseek_v3/fp8_block, deepseek-v3"
    })
    void quantisedSource_isServedAsItsCodesWouldBe(String family, String recipe) throws IOException {
        Path model = Shared.path("conformance/architectures/" + family);
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 160, 40, 33, 7);
        Path run = temp.resolve("run");
        CommandRun.of("calibrate", model, "--recipe", CommandRun.recipe(recipe), "--data", data, "--out", run)
                .expect(ExitCode.OK);
        Path folded = export(run, "vllm-fakequant");
        Path codes = export(run, "modelopt");

        CommandRun.of("verify", folded, "--source", model).expect(ExitCode.OK);
        double served = likelihood(folded, data);
        assertThat(served).isBetween(likelihood(codes, data) - 2e-2, likelihood(codes, data) + 2e-2); // BF16
    }

    @Test
    void export_saysHowItIsServedAndWhatIsLost() {
        Path run = calibrated();
        Path out = temp.resolve("out");

        CommandRun exported = CommandRun.of("export", run, "--format", "vllm-fakequant", "--out", out)
                .expect(ExitCode.OK);

        assertThat(exported.out())
                .contains("serve with: MODELOPT_STATE_PATH=%s/%s python vllm_serve_fakequant.py %s --moe-backend triton"
                        .formatted(out, STATE, out));
        assertThat(exported.err())
                .contains("of 200 scales of inputs and caches become those of their layer, up to 6.01 times as large");
        assertThat(out.resolve("quantizer_state.pth")).isRegularFile();
        CommandRun.of("export", run, "--format", "vllm-fakequant", "--out", out).expect(ExitCode.OK);
        assertThat(CommandRun.of("inspect", out).expect(ExitCode.OK).out())
                .contains("no quantization; values are fake-quantised, for ModelOpt's launcher");
        assertThat(CommandRun.of("export", run, "--out", out)
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("holds another export");
    }

    @Test
    void verify_ofAStateThatNoLoaderReads_fails() throws IOException {
        Path run = calibrated();
        Path out = export(run, "vllm-fakequant");
        CommandRun.of("verify", out).expect(ExitCode.OK);
        Path state = out.resolve(STATE);
        byte[] sound = Files.readAllBytes(state);

        Files.write(state, new byte[] {1, 2, 3});
        assertThat(CommandRun.of("verify", out).expect(ExitCode.GATE).out()).contains("is no zip file");
        Files.write(state, sound);
        Files.copy(
                Shared.path("models/tiny-qwen3-moe-nvfp4/hf_quant_config.json"), out.resolve("hf_quant_config.json"));
        assertThat(CommandRun.of("verify", out).expect(ExitCode.GATE).out())
                .contains("the configs declare codes: vLLM would look for these");
    }

    // The pickle is never read.
    @Test
    void evaluate_withoutOurOwnRecordOfTheQuantizers_isRefused() throws IOException {
        Path run = calibrated();
        Path out = export(run, "vllm-fakequant");
        Files.delete(out.resolve("steelyard.json"));

        assertThat(CommandRun.of("evaluate", out, "--data", CommandRun.calibrationText(), "--fake-quant")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains(STATE + ": a pickle, which is not read");
    }

    /// Returns a run that several tests export; NVFP4 experts, FP8 cache.
    private static Path calibrated() {
        Path run = shared.resolve("run");
        if (!Files.exists(run)) {
            CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts_kv-fp8")).expect(ExitCode.OK);
        }
        return run;
    }

    private Path export(Path run, String format) {
        Path out = temp.resolve(format);
        CommandRun.of("export", run, "--set", LAYER, "--format", format, "--out", out)
                .expect(ExitCode.OK);
        return out;
    }

    private Path logits(Path checkpoint) {
        Path logits = temp.resolve(checkpoint.getFileName() + ".logits");
        CommandRun.of(
                        "evaluate",
                        checkpoint,
                        "--data",
                        CommandRun.calibrationText(),
                        "--max-sequences",
                        2,
                        "--fake-quant",
                        "--logits",
                        logits)
                .expect(ExitCode.OK);
        return logits;
    }

    private static double likelihood(Path checkpoint, Path data) {
        return CommandRun.of("evaluate", checkpoint, "--data", data, "--fake-quant", "--json")
                .expect(ExitCode.OK)
                .json()
                .get("nll")
                .doubleValue();
    }

    private Path inFloat32(Path model) throws IOException {
        Path copy = Files.createDirectory(temp.resolve("float32"));
        List<Planned> planned = new ArrayList<>();
        List<MemorySegment> values = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                planned.add(new Planned(tensor.name(), DType.F32, tensor.shape()));
                values.add(
                        MemorySegment.ofArray(new CheckpointWeights(checkpoint).vector(tensor.name(), tensor.shape())));
            }
        }
        SafetensorsWriter.write(copy.resolve("model.safetensors"), planned, Map.of(), values);
        for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
            Files.copy(model.resolve(file), copy.resolve(file));
        }
        return copy;
    }
}
