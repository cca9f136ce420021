package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShardFilesTest {

    private static final TensorContent.Copied NOTHING = new TensorContent.Copied(MemorySegment.ofArray(new byte[0]));

    @TempDir
    private Path temp;

    // A file has all its bytes before its last tensor, which has none.
    @Test
    void write_tensorsWithoutElements_areThere() throws IOException {
        List<OutputTensors> outputs = List.of(
                OutputTensors.of("a", DType.F32, Shape.of(0), NOTHING),
                Exports.scalar("b", 1),
                OutputTensors.of("c", DType.F32, Shape.of(0, 3), NOTHING),
                Exports.scalar("d", 2),
                OutputTensors.of("e", DType.U8, Shape.of(0), NOTHING));
        ShardFiles files = new ShardFiles(temp, new ExportRun(4, 1, bytes -> {}));

        files.write(outputs);

        try (SafetensorsFile first = SafetensorsFile.open(temp.resolve("model-00001-of-00002.safetensors"));
                SafetensorsFile second = SafetensorsFile.open(temp.resolve("model-00002-of-00002.safetensors"))) {
            assertThat(first.tensors()).containsOnlyKeys("a", "b", "c");
            assertThat(second.tensors()).containsOnlyKeys("d", "e");
        }
    }

    @Test
    void write_contentShorterThanPlanned_leavesNoFile() throws IOException {
        List<OutputTensors> outputs =
                List.of(Exports.scalar("a", 1), OutputTensors.of("b", DType.U8, Shape.of(3), NOTHING));

        assertThatIllegalStateException()
                .isThrownBy(() -> new ShardFiles(temp, Exports.OPTIONS).write(outputs))
                .withMessage("tensor 'b': planned 3 bytes, found 0");
        try (var left = Files.list(temp)) {
            assertThat(left).isEmpty();
        }
    }
}
