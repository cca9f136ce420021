package io.github.steelyard.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.files.Finding;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A matrix of two rows and 32 columns in every stored format, of zeros and with one value that is none.
final class ZeroWeightsTest {

    private static final int ROWS = 2;
    private static final int COLUMNS = 32;

    @TempDir
    private Path directory;

    // The code at every place, one that is zero too, and one that is not.
    @ParameterizedTest
    @CsvSource({
        "BF16, 0, 128, 1", // the high byte holds the sign
        "FP8, 0, 128, 1",
        "NVFP4, 0, 136, 16",
        "NVFP4, 8, 128, 1",
        "MXFP4, 0, 136, 16",
        "INT4, 136, 136, 8",
    })
    void weightOfZeros_isNamed_whateverItsFormat(String format, int zero, int otherZero, int value) throws IOException {
        assertThat(zeros(format, zero, zero)).as("zeros").containsExactly("layers.0.up_proj");
        assertThat(zeros(format, zero, otherZero)).as("with another zero").containsExactly("layers.0.up_proj");
        assertThat(zeros(format, zero, value)).as("with a value").isEmpty();
    }

    @Test
    void integersAtTheirZeroPoints_areZero_andAtTheMiddleAreNot() throws IOException {
        // zero points of both rows in the first eight bits of a word
        assertThat(named(integers(0x33, 0x33)
                        .bytes("layers.0.up_proj.weight_zero_point", "I32", shape(1, 1), 0x33, 0, 0, 0)))
                .containsExactly("layers.0.up_proj");
        assertThat(named(integers(0x88, 0x88)
                        .bytes("layers.0.up_proj.weight_zero_point", "I32", shape(1, 1), 0x33, 0, 0, 0)))
                .isEmpty();
    }

    @Test
    void whatIsNoWeight_isNotNamed() throws IOException {
        TinySafetensors file = new TinySafetensors()
                .f32("layers.0.up_proj.bias", new long[] {4}, 0, 0, 0, 0)
                .f32("layers.0.norm.weight", new long[] {4}, 0, 0, 0, 0)
                .bytes("layers.0.up_proj.weight", "F8_E4M3", shape(2, 2), 0, 0, 0, 1)
                .f32("layers.0.up_proj.weight_scale", new long[] {2, 1}, 0.5f, 0.5f)
                .f32("layers.0.up_proj.input_scale", new long[] {}, 0);

        assertThat(named(file)).isEmpty();
    }

    @Test
    void manyWeights_areOneLineThatCountsThem() throws IOException {
        TinySafetensors file = new TinySafetensors();
        for (int i = 0; i < 30; i++) {
            file.f32("experts.%d.up_proj.weight".formatted(i), new long[] {1, 1}, -0f);
        }

        assertThat(findings(file))
                .filteredOn(finding -> finding.code().equals("weight-zero"))
                .singleElement()
                .satisfies(finding -> assertThat(finding.message())
                        .contains("weights that are zero throughout (30): 'experts.0.up_proj', 'experts.1.up_proj'")
                        .endsWith(" and 10 more"));
    }

    private List<String> zeros(String format, int code, int last) throws IOException {
        String name = "layers.0.up_proj";
        TinySafetensors file = new TinySafetensors();
        return switch (format) {
            case "BF16" -> {
                float[] values = new float[ROWS * COLUMNS];
                values[values.length - 1] = last == 128 ? -0f : last;
                yield named(file.bf16(name + ".weight", shape(ROWS, COLUMNS), values));
            }
            case "FP8" ->
                named(file.bytes(name + ".weight", "F8_E4M3", shape(ROWS, COLUMNS), codes(COLUMNS, code, last))
                        .f32(name + ".weight_scale", new long[] {}, 0.5f));
            case "NVFP4" ->
                named(file.bytes(name + ".weight", "U8", shape(ROWS, COLUMNS / 2), codes(COLUMNS / 2, code, last))
                        .bytes(name + ".weight_scale", "F8_E4M3", shape(ROWS, 2), 0x38, 0x38, 0x38, 0x38)
                        .f32(name + ".weight_scale_2", new long[] {}, 0.5f));
            case "MXFP4" ->
                named(file.bytes(name + ".weight", "U8", shape(ROWS, COLUMNS / 2), codes(COLUMNS / 2, code, last))
                        .bytes(name + ".weight_scale", "U8", shape(ROWS, 1), 127, 127));
            case "INT4" -> named(integers(code, last));
            default -> throw new AssertionError(format);
        };
    }

    private static TinySafetensors integers(int code, int last) {
        byte[] extents = ByteBuffer.allocate(2 * Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(ROWS)
                .putLong(COLUMNS)
                .array();
        String name = "layers.0.up_proj";
        return new TinySafetensors()
                .bytes(name + ".weight_packed", "I32", shape(ROWS, COLUMNS / 8), codes(COLUMNS / 2, code, last))
                .f32(name + ".weight_scale", shape(ROWS, 1), 0.5f, 0.5f)
                .tensor(name + ".weight_shape", "I64", new long[] {2}, extents);
    }

    private static int[] codes(int rowBytes, int code, int last) {
        int[] codes = new int[ROWS * rowBytes];
        Arrays.fill(codes, code);
        codes[codes.length - 1] = last;
        return codes;
    }

    private static long[] shape(long... extents) {
        return extents;
    }

    private List<String> named(TinySafetensors file) throws IOException {
        return findings(file).stream()
                .filter(finding -> finding.code().equals("weight-zero"))
                .map(Finding::subject)
                .toList();
    }

    private List<Finding> findings(TinySafetensors file) throws IOException {
        Files.writeString(directory.resolve("config.json"), "{}");
        Path tensors = directory.resolve("model.safetensors");
        Files.deleteIfExists(tensors);
        file.write(tensors);
        return new Auditor(Expectation.anyCheckpoint(), 1).audit(directory).findings();
    }
}
