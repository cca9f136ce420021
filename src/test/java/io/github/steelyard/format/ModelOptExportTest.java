package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.Shared;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Encodes the whole tiny model and compares with what ModelOpt exported, byte for byte; decodes what peers exported.
final class ModelOptExportTest {

    private static final String SOURCE = "models/tiny-qwen3-moe-bf16";
    private static final String MODELOPT = "conformance/golden/modelopt/";
    private static final String NVFP4 = MODELOPT + "nvfp4_experts_only-kv_fp8.float32/ckpt";
    private static final String MIXED = MODELOPT + "mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt";
    private static final String FP8 = MODELOPT + "fp8_default-kv_fp8.bfloat16/ckpt";
    private static final String INT8 = "conformance/golden/calibrators/smoothquant-int8/ckpt";
    private static final String COMPRESSED = "conformance/golden/llmcompressor/NVFP4.float32/ckpt";

    @Test
    void nvfp4_everyExpert_equalsModelOptsBytes() {
        try (Checkpoint source = open(SOURCE);
                Checkpoint export = open(NVFP4)) {
            int modules = 0;
            for (String name : export.tensors().keySet()) {
                if (name.endsWith(".weight_scale_2")) {
                    checkNvfp4(source, export, name.substring(0, name.length() - ".weight_scale_2".length()));
                    modules++;
                }
            }
            assertThat(modules).isEqualTo(192);
        }
    }

    private static void checkNvfp4(Checkpoint source, Checkpoint export, String module) {
        TensorInfo info = source.tensor(module + ".weight");
        float[] weights = floats(source, module + ".weight");
        float globalScale = Nvfp4.globalScale(fusedAmax(source, module));
        assertThat(globalScale).as(module).isEqualTo(floats(export, module + ".weight_scale_2")[0]);

        byte[] codes = new byte[weights.length / 2];
        byte[] scales = new byte[weights.length / 16];
        int rows = (int) info.shape().dim(0);
        int columns = (int) info.shape().dim(1);
        // In two pieces, as a streaming export would.
        int half = rows / 2;
        Nvfp4.encodeRows(weights, 0, half, columns, globalScale, codes, 0, scales, 0);
        int at = half * columns;
        Nvfp4.encodeRows(weights, at, rows - half, columns, globalScale, codes, at / 2, scales, at / 16);
        assertThat(scales).as(module).isEqualTo(bytes(export, module + ".weight_scale"));
        assertThat(codes).as(module).isEqualTo(bytes(export, module + ".weight"));
    }

    @Test
    void fp8_attentionOfFloat32Load_equalsModelOptsBytes() {
        try (Checkpoint source = open(SOURCE);
                Checkpoint export = open(MIXED)) {
            int modules = 0;
            for (TensorInfo tensor : export.tensors().values()) {
                if (tensor.dtype() == DType.F8_E4M3 && tensor.name().endsWith("_proj.weight")) {
                    String module = tensor.name().substring(0, tensor.name().length() - ".weight".length());
                    float[] weights = floats(source, module + ".weight");
                    float scale = Fp8.scale(Amax.of(weights, 0, weights.length));
                    assertThat(scale).as(module).isEqualTo(floats(export, module + ".weight_scale")[0]);
                    byte[] codes = new byte[weights.length];
                    Fp8.encode(weights, 0, weights.length, scale, codes, 0);
                    assertThat(codes).as(module).isEqualTo(bytes(export, module + ".weight"));
                    modules++;
                }
            }
            assertThat(modules).isEqualTo(16);
        }
    }

    // The peer smoothed attention alone: the experts of its two kept layers are the source's.
    @Test
    void int8_everyExpert_equalsModelOptsBytes() {
        try (Checkpoint source = open(SOURCE);
                Checkpoint export = open(INT8)) {
            int modules = 0;
            WeightEncoder encoder =
                    new WeightEncoder(Format.INT8_PER_CHANNEL, Arithmetic.MODELOPT, 1, Optional.empty());
            for (TensorInfo tensor : export.tensors().values()) {
                if (tensor.dtype() == DType.I8 && tensor.name().contains(".experts.")) {
                    String module = tensor.name().substring(0, tensor.name().length() - ".weight".length());
                    int rows = Math.toIntExact(tensor.shape().dim(0));
                    int columns = Math.toIntExact(tensor.shape().dim(1));
                    WeightEncoder.Encoded encoded = encoder.encode(floats(source, tensor.name()), 0, rows, columns);
                    assertThat(encoded.codes()).as(module).isEqualTo(bytes(export, tensor.name()));
                    assertThat(encoded.scales()).as(module).isEqualTo(bytes(export, module + ".weight_scale"));
                    modules++;
                }
            }
            assertThat(modules).isEqualTo(96);
        }
    }

    // The peer's bytes hold 74 038 codes that a rounding by way of BF16 moved; ours differ in exactly those.
    @Test
    void fp8_bf16Load_differsByThePeersSecondRoundingOnly() {
        try (Checkpoint source = open(SOURCE);
                Checkpoint export = open(FP8)) {
            long differing = 0;
            for (TensorInfo tensor : export.tensors().values()) {
                if (tensor.dtype() != DType.F8_E4M3) {
                    continue;
                }
                String module = tensor.name().substring(0, tensor.name().length() - ".weight".length());
                float[] weights = floats(source, module + ".weight");
                float scale = Fp8.scale(fusedAmax(source, module));
                assertThat(scale).as(module).isEqualTo(floats(export, module + ".weight_scale")[0]);
                byte[] theirs = bytes(export, tensor.name());
                byte[] once = new byte[weights.length];
                Fp8.encode(weights, 0, weights.length, scale, once, 0);
                byte[] twice = new byte[weights.length];
                for (int i = 0; i < weights.length; i++) {
                    twice[i] = (byte) E4m3.encode(Bf16.decode(Bf16.encode(weights[i] / scale)));
                    differing += once[i] == theirs[i] ? 0 : 1;
                }
                assertThat(twice).as(module).isEqualTo(theirs);
            }
            assertThat(differing).isEqualTo(74_038);
        }
    }

    @Test
    void fp8Block_everyCase_decodesToTheReference() {
        try (SafetensorsFile cases = SafetensorsFile.open(Shared.path("models/refs/fp8_block_cases.safetensors"))) {
            for (String name : new String[] {"exact256x256", "ragged300x200", "row130x1", "thin1x129"}) {
                TensorInfo codes = cases.tensors().get(name + ".weight");
                TensorInfo scales = cases.tensors().get(name + ".weight_scale_inv");
                int rows = (int) codes.shape().dim(0);
                int columns = (int) codes.shape().dim(1);
                PlainWeight blockScales = new PlainWeight(
                        cases.bytes(scales),
                        scales.dtype(),
                        (int) scales.shape().dim(0),
                        (int) scales.shape().dim(1));
                Fp8Weight weight = Fp8Weight.blocks(cases.bytes(codes), DType.F8_E4M3, rows, columns, blockScales);
                PlainWeight expected = new PlainWeight(cases.bytes(name + ".dequant"), DType.F32, rows, columns);
                assertThat(decoded(weight)).as(name).isEqualTo(decoded(expected));
            }
        }
    }

    // The squared error over all weights of this export, as measured by those who made it: 129.79.
    @Test
    void reciprocalGlobalScale_compressedTensors_decodesAsWellAsModelOpt() {
        try (Checkpoint source = open(SOURCE);
                Checkpoint export = open(COMPRESSED)) {
            double squaredError = 0;
            for (String name : export.tensors().keySet()) {
                if (!name.endsWith(".weight_packed")) {
                    continue;
                }
                String module = name.substring(0, name.length() - ".weight_packed".length());
                TensorInfo info = source.tensor(module + ".weight");
                Nvfp4Weight weight = Nvfp4Weight.ofReciprocal(
                        export.bytes(export.tensor(name)),
                        export.bytes(export.tensor(module + ".weight_scale")),
                        (int) info.shape().dim(0),
                        (int) info.shape().dim(1),
                        floats(export, module + ".weight_global_scale")[0]);
                float[] values = new float[weight.rows() * weight.columns()];
                weight.decodeRows(0, weight.rows(), values, 0);
                float[] original = floats(source, module + ".weight");
                for (int i = 0; i < values.length; i++) {
                    squaredError += Math.pow((double) values[i] - original[i], 2);
                }
            }
            assertThat(squaredError).isCloseTo(129.79, within(0.005));
        }
    }

    @Test
    void mxfp4_gptOssBlocks_decodeToItsBf16Form() {
        try (Checkpoint packed = open("conformance/architectures/gpt_oss/mxfp4");
                Checkpoint plain = open("conformance/architectures/gpt_oss")) {
            String experts = "model.layers.0.mlp.experts.";
            int expert = 2;
            for (String projection : new String[] {"gate_up_proj", "down_proj"}) {
                TensorInfo blocks = packed.tensor(experts + projection + "_blocks");
                int rows = (int) blocks.shape().dim(1);
                int columns = (int) blocks.shape().dim(2) * MxWeight.BLOCK;
                MxWeight weight = MxWeight.mxfp4(
                        slice(packed, experts + projection + "_blocks", expert),
                        slice(packed, experts + projection + "_scales", expert),
                        rows,
                        columns);
                TransposedWeight reference =
                        TransposedWeight.plain(slice(plain, experts + projection, expert), DType.BF16, rows, columns);
                assertThat(relativeError(reference, weight)).as(projection).isLessThan(0.2);
            }
        }
    }

    @Test
    void transposedNvfp4_gptOssExport_isTheEncodedSource() {
        try (Checkpoint source = open("conformance/architectures/gpt_oss");
                Checkpoint export =
                        open("conformance/golden/modelopt-families/gpt_oss.nvfp4_experts_only-kv_fp8/ckpt")) {
            String name = "model.layers.0.mlp.experts.gate_up_proj";
            TensorInfo info = source.tensor(name);
            int columns = (int) info.shape().dim(1);
            int rows = (int) info.shape().dim(2);
            float globalScale = floats(export, name + "_weight_scale_2")[0];
            for (int expert = 0; expert < info.shape().dim(0); expert++) {
                float[] dense =
                        decoded(TransposedWeight.plain(slice(source, name, expert), info.dtype(), rows, columns));
                byte[] codes = new byte[dense.length / 2];
                byte[] scales = new byte[dense.length / 16];
                Nvfp4.encodeRows(dense, 0, rows, columns, globalScale, codes, 0, scales, 0);
                Nvfp4Weight ours = new Nvfp4Weight(
                        MemorySegment.ofArray(codes), MemorySegment.ofArray(scales), rows, columns, globalScale);
                TransposedNvfp4Weight theirs = new TransposedNvfp4Weight(
                        slice(export, name, expert),
                        slice(export, name + "_weight_scale", expert),
                        rows,
                        columns,
                        globalScale);
                assertThat(decoded(theirs)).isEqualTo(decoded(ours));
            }
        }
    }

    private static float[] decoded(StoredWeight weight) {
        float[] values = new float[weight.rows() * weight.columns()];
        weight.decodeRows(0, weight.rows(), values, 0);
        return values;
    }

    private static double relativeError(StoredWeight reference, StoredWeight weight) {
        float[] expected = decoded(reference);
        float[] found = decoded(weight);
        double error = 0;
        double signal = 0;
        for (int i = 0; i < expected.length; i++) {
            error += Math.pow((double) found[i] - expected[i], 2);
            signal += Math.pow(expected[i], 2);
        }
        return Math.sqrt(error / signal);
    }

    private static Checkpoint open(String relative) {
        return Checkpoint.open(Shared.path(relative));
    }

    private static MemorySegment slice(Checkpoint checkpoint, String name, int index) {
        TensorInfo info = checkpoint.tensor(name);
        long size = info.byteSize() / info.shape().dim(0);
        return checkpoint.bytes(info).asSlice(index * size, size);
    }

    /// ModelOpt calibrates gate and up of an expert with one quantizer.
    private static float fusedAmax(Checkpoint source, String module) {
        float[] own = floats(source, module + ".weight");
        float amax = Amax.of(own, 0, own.length);
        if (module.endsWith(".gate_proj") || module.endsWith(".up_proj")) {
            String parent = module.substring(0, module.lastIndexOf('.'));
            for (String name : new String[] {".gate_proj.weight", ".up_proj.weight"}) {
                float[] part = floats(source, parent + name);
                amax = Math.max(amax, Amax.of(part, 0, part.length));
            }
        }
        return amax;
    }

    private static float[] floats(Checkpoint checkpoint, String name) {
        TensorInfo info = checkpoint.tensor(name);
        float[] values = new float[(int) info.shape().elements()];
        new PlainWeight(checkpoint.bytes(info), info.dtype(), 1, values.length).decodeRows(0, 1, values, 0);
        return values;
    }

    private static byte[] bytes(Checkpoint checkpoint, String name) {
        return checkpoint.bytes(checkpoint.tensor(name)).toArray(ValueLayout.JAVA_BYTE);
    }
}
