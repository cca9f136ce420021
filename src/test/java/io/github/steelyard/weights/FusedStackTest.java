package io.github.steelyard.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.testing.TinySafetensors;
import io.github.steelyard.weights.FusedStack.Layout;
import io.github.steelyard.weights.FusedStack.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Two experts of two outputs and two or sixteen inputs in one tensor; values by hand.
final class FusedStackTest {

    private static final int[] FP8 = {0x38, 0x40, 0x48, 0x30, 0x38, 0x40, 0x48, 0x30}; // 1, 2, 4, 0.5, twice

    @TempDir
    private Path directory;

    private final TinySafetensors tensors = new TinySafetensors();

    @BeforeEach
    void writeConfig() throws IOException {
        Files.writeString(directory.resolve("config.json"), "{}");
    }

    @Test
    void fp8_oneScaleForAllOrForEach_isRead() throws IOException {
        tensors.bytes("one", "F8_E4M3", new long[] {2, 2, 2}, FP8)
                .f32("one_weight_scale", new long[0], 3)
                .bytes("each", "F8_E4M3", new long[] {2, 2, 2}, FP8)
                .f32("each_weight_scale", new long[] {2}, 3, 5);
        try (Checkpoint checkpoint = open()) {
            assertThat(matrix(checkpoint, "one", 2, Layout.OUT_IN, 1)).containsExactly(3, 6, 12, 1.5f);
            assertThat(matrix(checkpoint, "each", 2, Layout.OUT_IN, 0)).containsExactly(3, 6, 12, 1.5f);
            assertThat(matrix(checkpoint, "each", 2, Layout.OUT_IN, 1)).containsExactly(5, 10, 20, 2.5f);
            assertThat(matrix(checkpoint, "each", 2, Layout.IN_OUT, 1)).containsExactly(5, 20, 10, 2.5f);
        }
    }

    @Test
    void fp8Blocks_haveAScaleForEachExpertsTile() throws IOException {
        tensors.bytes("e", "F8_E4M3", new long[] {2, 2, 2}, FP8).f32("e_scale_inv", new long[] {2, 1, 1}, 3, 5);
        try (Checkpoint checkpoint = open()) {
            assertThat(matrix(checkpoint, "e", 2, Layout.OUT_IN, 1)).containsExactly(5, 10, 20, 2.5f);
            assertThatThrownBy(() -> matrix(checkpoint, "e", 2, Layout.IN_OUT, 1))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("tensor 'e': FP8 in blocks, stored transposed, is not supported");
        }
    }

    @ParameterizedTest
    @EnumSource(Layout.class)
    void nvfp4_globalScaleForEachExpert_isRead(Layout layout) throws IOException {
        long[] codes = layout == Layout.OUT_IN ? new long[] {2, 2, 8} : new long[] {2, 8, 2};
        long[] scales = layout == Layout.OUT_IN ? new long[] {2, 2, 1} : new long[] {2, 1, 2};
        int[] ones = new int[32];
        Arrays.fill(ones, 0x22); // 1, 1
        tensors.bytes("e", "U8", codes, ones)
                .bytes("e_weight_scale", "F8_E4M3", scales, 0x38, 0x40, 0x48, 0x30)
                .f32("e_weight_scale_2", new long[] {2}, 3, 5);
        try (Checkpoint checkpoint = open()) {
            assertThat(matrix(checkpoint, "e", 16, layout, 0)).startsWith(3, 3).endsWith(6, 6);
            assertThat(matrix(checkpoint, "e", 16, layout, 1))
                    .startsWith(20, 20)
                    .endsWith(2.5f, 2.5f);
        }
    }

    @Test
    void missingScales_areNamed() throws IOException {
        tensors.bytes("a", "U8", new long[] {2, 2, 8}, new int[32])
                .bytes("b", "F8_E4M3", new long[] {2, 2, 2}, FP8)
                .bytes("c_blocks", "U8", new long[] {1}, 0);
        try (Checkpoint checkpoint = open()) {
            assertThat(WeightTensors.missingOfStack(checkpoint, "a"))
                    .containsExactly("a_weight_scale", "a_weight_scale_2");
            assertThat(WeightTensors.missingOfStack(checkpoint, "b")).containsExactly("b_weight_scale");
            assertThat(WeightTensors.missingOfStack(checkpoint, "c")).containsExactly("c_scales");
            assertThat(WeightTensors.missingOfStack(checkpoint, "d")).containsExactly("d");
        }
    }

    private static float[] matrix(Checkpoint checkpoint, String name, int columns, Layout layout, int index) {
        FusedStack stack = FusedStack.of(name, 2, 2, columns, layout, checkpoint::has);
        float[] values = new float[2 * columns];
        new FusedStack.Member(stack, index, Part.ALL)
                .open(new CheckpointWeights(checkpoint))
                .decodeRows(0, 2, values, 0);
        return values;
    }

    private Checkpoint open() throws IOException {
        tensors.write(directory.resolve("model.safetensors"));
        return Checkpoint.open(directory);
    }
}
