package io.github.steelyard.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.census.CacheScales;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Layouts of public checkpoints that differ in names, scale types and block sizes; expected values by the formula.
final class StoredLayoutsTest {

    private static final int ONE = 0x38; // E4M3

    @TempDir
    private Path directory;

    private final TinySafetensors tensors = new TinySafetensors();
    private String config = "{}";

    @ParameterizedTest
    @ValueSource(strings = {"weight_scale", "weight_scale_inv", "scale"})
    void fp8_scaleUnderEveryName_isAMultiplier(String name) throws IOException {
        fp8(2, 2).f32("m." + name, new long[] {}, 3);
        assertThat(decoded(Format.FP8, 2, 2)).containsOnly(3);
    }

    // Blocks of [1, 2] and [2, 2] of a 3 x 3 matrix: the last ones are partial.
    @ParameterizedTest
    @CsvSource({"1, 3 2, 1 1 2 3 3 4 5 5 6", "2, 2 2, 1 1 2 1 1 2 3 3 4"})
    void fp8_declaredBlockSize_isUsed(int blockRows, String shape, String expected) throws IOException {
        blocks(blockRows, 2);
        long[] extents = longs(shape);
        float[] scales = new float[(int) (extents[0] * extents[1])];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = i + 1;
        }
        fp8(3, 3).f32("m.weight_scale_inv", extents, scales);
        assertThat(decoded(Format.FP8_BLOCK, 3, 3)).containsExactly(floats(expected));
    }

    @Test
    void fp8_scalesOfOtherBlocksThanDeclared_areNamed() throws IOException {
        blocks(2, 2);
        fp8(3, 3).f32("m.weight_scale_inv", new long[] {1, 2}, 1, 1);
        try (Checkpoint checkpoint = open()) {
            assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 3, 3))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageEndingWith(
                            "tensor 'm.weight_scale_inv': wanted shape [2, 2], scales of blocks of [2, 2],"
                                    + " found [1, 2]");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"U8", "F8_E8M0"})
    void fp8_blocksUnderPowersOfTwo_areRead(String dtype) throws IOException {
        fp8(2, 32).bytes("m.weight_scale_inv", dtype, new long[] {1, 1}, 129);
        assertThat(decoded(Format.FP8_BLOCK, 2, 32)).containsOnly(4);
    }

    @ParameterizedTest
    @CsvSource({"weight_scale_inv, U8", "weight_scale, F8_E8M0", "scale, F8_E8M0"})
    void mxfp8_underEveryName_isRead(String name, String dtype) throws IOException {
        fp8(2, 32).bytes("m." + name, dtype, new long[] {2, 1}, 128, 126);
        float[] values = decoded(Format.MXFP8, 2, 32);
        assertThat(Arrays.copyOf(values, 32)).containsOnly(2);
        assertThat(Arrays.copyOfRange(values, 32, 64)).containsOnly(0.5f);
    }

    // DeepSeek's own code keeps two E2M1 codes in a signed byte.
    @Test
    void mxfp4_inSignedBytes_isRead() throws IOException {
        int[] codes = new int[16];
        Arrays.fill(codes, 0x24); // 2, 1
        tensors.bytes("m.weight", "I8", new long[] {1, 16}, codes).bytes("m.scale", "F8_E8M0", new long[] {1, 1}, 128);
        assertThat(decoded(Format.MXFP4, 1, 32)).startsWith(4, 2).hasSize(32);
    }

    @Test
    void integers_ofOneByte_areRead() throws IOException {
        tensors.bytes("m.weight", "I8", new long[] {2, 2}, 1, 0x80, 127, 0xff)
                .f32("m.weight_scale", new long[] {2}, 0.5f, 2);
        assertThat(decoded(Format.INT8_PER_CHANNEL, 2, 2)).containsExactly(0.5f, -64, 254, -2);
    }

    @Test
    void integers_ofOneByteUnderOneScale_areRead() throws IOException {
        tensors.bytes("m.weight", "I8", new long[] {2, 2}, 1, 0x80, 127, 0xff)
                .f32("m.weight_scale", new long[] {}, 0.5f);
        assertThat(decoded(Format.INT8, 2, 2)).containsExactly(0.5f, -64, 63.5f, -0.5f);
    }

    // ModelOpt's: the even row in the low bits, groups of two columns.
    @Test
    void integers_ofFourBitsTwoRowsInAByte_areRead() throws IOException {
        tensors.bytes("m.weight", "U8", new long[] {1, 4}, 0x71, 0x8f, 0x10, 0xf0)
                .f32("m.weight_scale", new long[] {2, 2}, 1, 10, 2, 0.5f);
        assertThat(decoded(Format.INT4, 2, 4)).containsExactly(1, -1, 0, 0, 14, -16, 0.5f, -0.5f);
    }

    // (x · r) Wᵀ = x (W · diag(r))ᵀ
    @Test
    void weight_behindFactorsOfItsInputs_hasThemInItsColumns() throws IOException {
        tensors.bytes("m.weight", "I8", new long[] {1, 2}, 1, 2)
                .f32("m.weight_scale", new long[] {1, 1}, 1)
                .f32("m.pre_quant_scale", new long[] {2}, 3, 0.5f);
        try (Checkpoint checkpoint = open()) {
            float[] values = new float[2];
            new CheckpointWeights(checkpoint).linear("m", 1, 2).decodeRows(0, 1, values, 0);
            assertThat(values).containsExactly(3, 1);
        }
    }

    @Test
    void weight_behindFactorsThatAreNone_isRefused() throws IOException {
        tensors.bytes("m.weight", "I8", new long[] {1, 2}, 1, 2)
                .f32("m.weight_scale", new long[] {1, 1}, 1)
                .f32("m.pre_quant_scale", new long[] {2}, 3, 0);
        try (Checkpoint checkpoint = open()) {
            assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 1, 2))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageEndingWith("tensor 'm.pre_quant_scale': wanted positive finite factors, found 0.0");
        }
    }

    @Test
    void packedIntegers_withShapeAndZeroPoints_areRead() throws IOException {
        integers(0x98989898);
        tensors.tensor("m.weight_zero_point", "I32", new long[] {1, 1}, words(9));
        assertThat(decoded(Format.INT4, 1, 8)).containsExactly(-0.5f, 0, -0.5f, 0, -0.5f, 0, -0.5f, 0);
    }

    @Test
    void packedIntegers_ofAnotherShapeThanTheySay_areRefused() throws IOException {
        integers(0);
        try (Checkpoint checkpoint = open()) {
            assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 1, 7))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageEndingWith(
                            "tensor 'm.weight_shape': wanted the extents [1, 7] as two I64, found others");
        }
    }

    @Test
    void packedIntegers_inTheOrderOfActivations_areRefused() throws IOException {
        integers(0);
        tensors.tensor("m.weight_g_idx", "I32", new long[] {8}, words(0, 0, 0, 0, 0, 0, 0, 0));
        try (Checkpoint checkpoint = open()) {
            assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 1, 8))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("tensor 'm.weight_g_idx'");
        }
    }

    // E8M0 255 is NaN; 6 · 2^126 is no float32, 6 · 2^125 is.
    @ParameterizedTest
    @CsvSource({"255, false", "253, false", "252, true"})
    void mxfp4_scaleThatMakesNoNumber_isRefusedByName(int code, boolean fine) throws IOException {
        tensors.bytes("m.weight", "U8", new long[] {1, 16}, new int[16])
                .bytes("m.weight_scale", "U8", new long[] {1, 1}, code);
        try (Checkpoint checkpoint = open()) {
            if (fine) {
                assertThat(new CheckpointWeights(checkpoint).linear("m", 1, 32).rows())
                        .isEqualTo(1);
            } else {
                assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 1, 32))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageEndingWith(
                                "tensor 'm.weight_scale': wanted scales under which codes are finite, up to 252, found"
                                        + " %d at index 0",
                                code);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"input_scale, false", "activation_scale, false", "input_global_scale, true"})
    void inputScale_underEveryName_isFound(String name, boolean reciprocal) throws IOException {
        tensors.f32("m." + name, new long[] {}, 2);
        try (Checkpoint checkpoint = open()) {
            InputScale scale = InputScale.of(checkpoint, "m").orElseThrow();
            assertThat(scale.tensor().name()).isEqualTo("m." + name);
            assertThat(scale.reciprocal()).isEqualTo(reciprocal);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "a.k_proj.k_scale, true, false",
        "a.v_scale, false, true",
        "a.qkv_proj.k_scale, true, false",
        "a.v_proj.output_scale, false, true",
        "a.kv_scale, true, true",
        "a.q_proj.output_scale, false, false",
    })
    void cacheScale_underEveryName_isFound(String name, boolean key, boolean value) throws IOException {
        tensors.f32(name, new long[] {}, 2);
        try (Checkpoint checkpoint = open()) {
            assertThat(CacheScales.find(checkpoint, "a", true).isPresent()).isEqualTo(key);
            assertThat(CacheScales.find(checkpoint, "a", false).isPresent()).isEqualTo(value);
        }
    }

    private TinySafetensors fp8(int rows, int columns) {
        int[] codes = new int[rows * columns];
        Arrays.fill(codes, ONE);
        return tensors.bytes("m.weight", "F8_E4M3", new long[] {rows, columns}, codes);
    }

    private void integers(int word) {
        tensors.tensor("m.weight_packed", "I32", new long[] {1, 1}, words(word))
                .f32("m.weight_scale", new long[] {1, 1}, 0.5f)
                .tensor("m.weight_shape", "I64", new long[] {2}, words(1, 0, 8, 0));
    }

    private void blocks(int rows, int columns) {
        config = "{\"quantization_config\":{\"quant_method\":\"fp8\",\"weight_block_size\":[%d,%d]}}"
                .formatted(rows, columns);
    }

    private float[] decoded(Format kind, int rows, int columns) throws IOException {
        try (Checkpoint checkpoint = open()) {
            float[] values = new float[rows * columns];
            new CheckpointWeights(checkpoint).linear("m", rows, columns).decodeRows(0, rows, values, 0);
            assertThat(WeightTensors.detect(checkpoint, "m").format()).isEqualTo(kind);
            assertThat(WeightTensors.missing(checkpoint, "m")).isEmpty();
            return values;
        }
    }

    private Checkpoint open() throws IOException {
        Files.writeString(directory.resolve("config.json"), config);
        tensors.write(directory.resolve("model.safetensors"));
        return Checkpoint.open(directory);
    }

    private static byte[] words(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(words.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(words);
        return bytes.array();
    }

    private static long[] longs(String text) {
        return Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
    }

    private static float[] floats(String text) {
        double[] parsed =
                Arrays.stream(text.split(" ")).mapToDouble(Double::parseDouble).toArray();
        float[] values = new float[parsed.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) parsed[i];
        }
        return values;
    }
}
