package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Our export against ModelOpt's own of the same model, both from the amax values that ModelOpt measured: names, types,
/// shapes and bytes. What differs is in `docs/ODDITIES.md`.
final class ModelOptGoldenTest {

    private static final String GOLDEN = "conformance/golden/modelopt/";
    private static final String FAMILIES = "conformance/golden/modelopt-families/";
    private static final String GPT_OSS = "conformance/architectures/gpt_oss";

    @TempDir
    private Path temp;

    @Test
    void export_nvfp4Experts_equalsModelOpt() throws IOException {
        Map<String, Long> differing = differences("nvfp4_experts_only-kv_fp8.float32", nvfp4Experts());

        assertThat(differing).isEmpty();
        assertSameConfig(GOLDEN + "nvfp4_experts_only-kv_fp8.float32");
    }

    @Test
    void export_mixed_equalsModelOpt() throws IOException {
        Recipe recipe = Exports.recipe(
                "*self_attn.*_proj.weight_quantizer", Exports.FP8,
                "*self_attn.*_proj.input_quantizer", Exports.FP8,
                "*.experts.*weight_quantizer", Exports.NVFP4,
                "*.experts.*input_quantizer", Exports.NVFP4,
                "*[kv]_bmm_quantizer", Exports.FP8);

        assertThat(differences("mixed-experts_nvfp4-attn_fp8-kv_fp8.float32", recipe))
                .isEmpty();
    }

    // ModelOpt had loaded this one in BF16 and so rounded each quotient to BF16 before it rounded to E4M3: where the
    // first rounding meets a tie of the second, the code is a neighbour. Everything else is equal.
    @Test
    void export_fp8_differsOnlyByTheDoubleRounding() throws IOException {
        Map<String, Long> differing = differences("fp8_default-kv_fp8.bfloat16", fp8());

        assertThat(differing.keySet()).isNotEmpty().allMatch(name -> name.endsWith("_proj.weight"));
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"));
                Checkpoint written = Checkpoint.open(temp.resolve("export"));
                Checkpoint golden = Checkpoint.open(Shared.path(GOLDEN + "fp8_default-kv_fp8.bfloat16/ckpt"))) {
            for (String name : differing.keySet()) {
                assertExplainedByDoubleRounding(name, source, written, golden);
            }
        }
    }

    // ModelOpt keeps the experts of this family in one tensor for each projection, inputs first.
    @Test
    void export_gptOssNvfp4Experts_equalsModelOpt() throws IOException {
        assertThat(differences(GPT_OSS, FAMILIES + "gpt_oss.nvfp4_experts_only-kv_fp8", nvfp4Experts()))
                .isEmpty();
        assertSameConfig(FAMILIES + "gpt_oss.nvfp4_experts_only-kv_fp8");
    }

    @Test
    void export_gptOssFp8_equalsModelOpt() throws IOException {
        assertThat(differences(GPT_OSS, FAMILIES + "gpt_oss.fp8_default-kv_fp8", fp8()))
                .isEmpty();
    }

    private static Recipe nvfp4Experts() {
        return Exports.recipe(
                "*.experts.*weight_quantizer", Exports.NVFP4,
                "*.experts.*input_quantizer", Exports.NVFP4,
                "*[kv]_bmm_quantizer", Exports.FP8);
    }

    private static Recipe fp8() {
        return Exports.recipe(
                "*self_attn.*_proj.weight_quantizer", Exports.FP8,
                "*self_attn.*_proj.input_quantizer", Exports.FP8,
                "*.experts.*weight_quantizer", Exports.FP8,
                "*.experts.*input_quantizer", Exports.FP8,
                "*[kv]_bmm_quantizer", Exports.FP8);
    }

    private void assertSameConfig(String run) throws IOException {
        assertThat(temp.resolve("export/hf_quant_config.json"))
                .content()
                .isEqualTo(Files.readString(Shared.path(run + "/ckpt/hf_quant_config.json"))
                        .stripTrailing()
                        .replace("0.47.0.dev0", "0.47.0"));
    }

    private static void assertExplainedByDoubleRounding(
            String name, Checkpoint source, Checkpoint written, Checkpoint golden) {
        Shape shape = source.tensor(name).shape();
        float[] weights = new CheckpointWeights(source).vector(name, shape);
        float scale = new CheckpointWeights(written).vector(name + "_scale", Shape.of())[0];
        MemorySegment ours = written.bytes(written.tensor(name));
        MemorySegment theirs = golden.bytes(golden.tensor(name));
        for (int i = 0; i < weights.length; i++) {
            float quotient = weights[i] / scale;
            int once = E4m3.encode(quotient);
            int twice = E4m3.encode(Bf16.decode(Bf16.encode(quotient)));
            assertThat(ours.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) once);
            assertThat(theirs.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) twice);
        }
    }

    /// Returns how many bytes differ in each tensor that does; fails on another name, type or shape.
    private Map<String, Long> differences(String run, Recipe recipe) throws IOException {
        return differences("models/tiny-qwen3-moe-bf16", GOLDEN + run, recipe);
    }

    private Map<String, Long> differences(String model, String run, Recipe recipe) throws IOException {
        Path target = temp.resolve("export");
        try (Checkpoint source = Checkpoint.open(Shared.path(model));
                Checkpoint golden = Checkpoint.open(Shared.path(run + "/ckpt"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(decoder, recipe);
            ScaleTable scales = Exports.modelOptScales(Shared.path(run + "/quantizers.json"), decoder, plan);
            new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(target, Exports.noInputs());
            try (Checkpoint written = Checkpoint.open(target)) {
                return compare(written, golden);
            }
        }
    }

    private static Map<String, Long> compare(Checkpoint written, Checkpoint golden) {
        assertThat(written.tensors().keySet()).isEqualTo(golden.tensors().keySet());
        return differingTensors(written, golden);
    }

    /// Returns how many bytes differ in each tensor of `golden` that does; fails on another type or shape.
    static Map<String, Long> differingTensors(Checkpoint written, Checkpoint golden) {
        Map<String, Long> differing = new LinkedHashMap<>();
        for (TensorInfo wanted : golden.tensors().values()) {
            TensorInfo found = written.tensor(wanted.name());
            assertThat(found.shape()).as(wanted.name()).isEqualTo(wanted.shape());
            long count = found.dtype() == DType.BF16 && wanted.dtype() == DType.F32
                    ? differentValues(written, golden, wanted)
                    : differentBytes(written.bytes(found), golden.bytes(wanted), wanted.dtype() == DType.U8);
            if (count > 0) {
                differing.put(wanted.name(), count);
            }
        }
        return differing;
    }

    /// What the golden run loaded in float32 and did not quantise; the source has it in BF16, and so do we.
    private static long differentValues(Checkpoint written, Checkpoint golden, TensorInfo wanted) {
        float[] ours = new CheckpointWeights(written).vector(wanted.name(), wanted.shape());
        float[] theirs = new CheckpointWeights(golden).vector(wanted.name(), wanted.shape());
        return Arrays.equals(ours, theirs) ? 0 : 1;
    }

    private static long differentBytes(MemorySegment ours, MemorySegment theirs, boolean nibbles) {
        assertThat(ours.byteSize()).isEqualTo(theirs.byteSize());
        long count = 0;
        for (long i = 0; i < ours.byteSize(); i++) {
            int one = ours.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            int other = theirs.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            count += (nibbles ? withoutNegativeZeros(one) != withoutNegativeZeros(other) : one != other) ? 1 : 0;
        }
        return count;
    }

    private static int withoutNegativeZeros(int pair) {
        int low = (pair & 0xf) == 8 ? 0 : pair & 0xf;
        int high = (pair >> 4) == 8 ? 0 : pair >> 4;
        return high << 4 | low;
    }
}
