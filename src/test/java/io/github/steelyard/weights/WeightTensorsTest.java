package io.github.steelyard.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Which formats the tensors beside a weight amount to, under the names of each publisher; values by hand.
final class WeightTensorsTest {

    private static final int[] E4M3 = {0x38, 0x40, 0x30, 0xb8}; // 1, 2, 0.5, -1

    @TempDir
    private Path directory;

    private final TinySafetensors tensors = new TinySafetensors();

    @BeforeEach
    void writeConfig() throws IOException {
        Files.writeString(directory.resolve("config.json"), "{}");
    }

    // Per tensor, per channel, per tile; under the names of ModelOpt and compressed-tensors, and of DeepSeek.
    @ParameterizedTest
    @CsvSource({
        "weight_scale, '', FP8_TENSOR, 3",
        "weight_scale, 1, FP8_TENSOR, 3",
        "weight_scale, 1 1, FP8_TENSOR, 3",
        "weight_scale_inv, '', FP8_TENSOR, 3",
        "weight_scale_inv, 1 1, FP8_BLOCK, 3",
        "weight_scale, 2, FP8_CHANNEL, 5",
        "weight_scale, 2 1, FP8_CHANNEL, 5",
        "weight_scale, 1 1 1 1, FP8_BLOCK, 3"
    })
    void fp8_everyGranularity_isRead(String scale, String extents, String label, float second) throws IOException {
        long[] shape = Arrays.stream(extents.split(" "))
                .filter(extent -> !extent.isEmpty())
                .mapToLong(Long::parseLong)
                .toArray();
        float[] values = extents.startsWith("2") ? new float[] {3, 5} : new float[] {3};
        tensors.bytes("m.weight", "F8_E4M3", new long[] {2, 2}, E4M3).f32("m." + scale, shape, values);

        assertWeight(label, 3, 6, 0.5f * second, -second);
    }

    // compressed-tensors keeps MXFP4 under the same names as NVFP4, without a global scale.
    @Test
    void packedMxfp4_isRead() throws IOException {
        int[] codes = new int[16];
        codes[0] = 0x21; // 0.5, 1
        tensors.bytes("m.weight_packed", "U8", new long[] {1, 16}, codes)
                .bytes("m.weight_scale", "U8", new long[] {1, 1}, 129);

        try (Checkpoint checkpoint = open()) {
            float[] row = new float[32];
            new CheckpointWeights(checkpoint).linear("m", 1, 32).decodeRows(0, 1, row, 0);

            assertThat(WeightTensors.missing(checkpoint, "m")).isEmpty();
            assertThat(row).startsWith(2, 4, 0);
        }
    }

    // The words of a row may be read either way; the extents beside them tell.
    @ParameterizedTest
    @CsvSource({"8, INT4", "4, INT8_GROUPS"})
    void packedIntegers_haveTheWidthThatTheirExtentsSay(int columns, Format format) throws IOException {
        tensors.bytes("m.weight_packed", "I32", new long[] {1, 1}, new int[4])
                .bytes("m.weight_shape", "I64", new long[] {2}, 1, 0, 0, 0, 0, 0, 0, 0, columns, 0, 0, 0, 0, 0, 0, 0)
                .bytes("m.weight_scale", "BF16", new long[] {1, 1}, 0x80, 0x3f);

        try (Checkpoint checkpoint = open()) {
            assertThat(WeightTensors.detect(checkpoint, "m").format()).isEqualTo(format);
            assertThat(new CheckpointWeights(checkpoint).linear("m", 1, columns).columns())
                    .isEqualTo(columns);
        }
    }

    @Test
    void extentsThatNoTensorHas_areRefusedWithTheTensor() throws IOException {
        int[] shape = new int[16];
        Arrays.fill(shape, 0xff); // -1
        shape[Long.BYTES] = 0; // -256
        tensors.bytes("m.weight_packed", "I32", new long[] {1, 1}, new int[4])
                .bytes("m.weight_shape", "I64", new long[] {2}, shape)
                .bytes("m.weight_scale", "BF16", new long[] {1, 1}, 0x80, 0x3f);

        assertRefused("m.weight_shape");
    }

    @ParameterizedTest
    @CsvSource({"weight, I8, 1", "weight_packed, I32, 4"})
    void codesWithoutExtents_areRefusedWithTheTensor(String codes, String dtype, int bytes) throws IOException {
        tensors.bytes("m." + codes, dtype, new long[0], new int[bytes])
                .bytes("m.weight_shape", "I64", new long[] {2}, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)
                .bytes("m.weight_scale", "BF16", new long[0], 0x80, 0x3f);

        assertRefused("m." + codes);
    }

    private void assertRefused(String tensor) throws IOException {
        try (Checkpoint checkpoint = open()) {
            assertThatThrownBy(() -> new CheckpointWeights(checkpoint).linear("m", 1, 4))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("tensor '" + tensor + "'");
        }
    }

    private void assertWeight(String label, float... expected) throws IOException {
        try (Checkpoint checkpoint = open()) {
            float[] values = new float[4];
            new CheckpointWeights(checkpoint).linear("m", 2, 2).decodeRows(0, 2, values, 0);

            assertThat(WeightTensors.detect(checkpoint, "m").label()).isEqualTo(label);
            assertThat(values).containsExactly(expected);
        }
    }

    private Checkpoint open() throws IOException {
        tensors.write(directory.resolve("model.safetensors"));
        return Checkpoint.open(directory);
    }
}
