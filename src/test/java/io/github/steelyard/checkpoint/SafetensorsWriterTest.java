package io.github.steelyard.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsWriterTest {

    private static final Planned A = new Planned("a", DType.F32, Shape.of(2));
    private static final Planned B = new Planned("b", DType.U8, Shape.of(3));

    @TempDir
    Path folder;

    @Test
    void write_twoTensors_givesTheFormatByteForByte() throws IOException {
        Path file = folder.resolve("x.safetensors");
        SafetensorsWriter.write(
                file, List.of(A, B), Map.of("format", "pt"), List.of(floats(1, 2), MemorySegment.ofArray(new byte[] {
                    7, 8, 9
                })));
        byte[] expected = new TinySafetensors()
                .metadata("format", "pt")
                .f32("a", new long[] {2}, 1, 2)
                .bytes("b", "U8", new long[] {3}, 7, 8, 9)
                .toBytes();
        assertThat(Files.readAllBytes(file)).isEqualTo(expected);
        assertThat(list()).containsExactly("x.safetensors");
    }

    @Test
    void write_headerOfEveryLength_isAlignedToEightBytes() throws IOException {
        for (int length = 1; length <= 9; length++) {
            Path file = folder.resolve("x");
            Planned tensor = new Planned("n".repeat(length), DType.U8, Shape.of(1));
            SafetensorsWriter.write(file, List.of(tensor), Map.of(), List.of(MemorySegment.ofArray(new byte[1])));
            assertThat((Files.size(file) - 1) % 8).isZero();
            try (SafetensorsFile opened = SafetensorsFile.open(file)) {
                assertThat(opened.tensors()).containsOnlyKeys(tensor.name());
            }
        }
    }

    @Test
    void write_inPiecesAndFromAnyMemory_givesTheSameFile() throws IOException {
        Path whole = folder.resolve("whole");
        SafetensorsWriter.write(whole, List.of(A), Map.of(), List.of(floats(1, 2)));
        Path pieces = folder.resolve("pieces");
        try (Arena arena = Arena.ofConfined();
                SafetensorsWriter writer = SafetensorsWriter.create(pieces, List.of(A), Map.of())) {
            writer.append("a", arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1));
            writer.append("a", MemorySegment.ofArray(new float[] {2}));
            writer.finish();
        }
        assertThat(pieces).hasSameBinaryContentAs(whole);
    }

    @Test
    void write_namesThatNeedEscapes_areReadBack() {
        Path file = folder.resolve("x");
        String name = "a\"b\\c\nd\u0001 ü €";
        SafetensorsWriter.write(
                file,
                List.of(new Planned(name, DType.U8, Shape.of(0))),
                Map.of("k\"", "v\\"),
                List.of(MemorySegment.ofArray(new byte[0])));
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.tensors()).containsOnlyKeys(name);
            assertThat(opened.metadata()).containsExactly(Map.entry("k\"", "v\\"));
        }
    }

    @Test
    void unfinished_leavesTheOldFileAndNothingElse() throws IOException {
        Path file = Files.writeString(folder.resolve("x"), "old");
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(A, B), Map.of())) {
            writer.append("a", floats(1, 2));
            assertThatIllegalStateException()
                    .isThrownBy(writer::finish)
                    .withMessage("tensor 'b': planned 3 bytes, found 0");
        }
        assertThat(file).hasContent("old");
        assertThat(list()).containsExactly("x");
    }

    @Test
    void append_outOfPlan_isRefused() {
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve("x"), List.of(A), Map.of())) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> writer.append("b", floats(1, 2)))
                    .withMessage("tensor 'b' is not planned");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> writer.append("a", floats(1, 2, 3)))
                    .withMessage("tensor 'a': planned 8 bytes, found at least 12");
            writer.append("a", floats(1));
            assertThatIllegalStateException()
                    .isThrownBy(writer::finish)
                    .withMessage("tensor 'a': planned 8 bytes, found 4");
        }
    }

    @Test
    void write_byTurnsAndInAnyOrder_givesTheSameFile() throws IOException {
        Path whole = folder.resolve("whole");
        MemorySegment bytes = MemorySegment.ofArray(new byte[] {7, 8, 9});
        SafetensorsWriter.write(whole, List.of(A, B), Map.of(), List.of(floats(1, 2), bytes));
        Path turns = folder.resolve("turns");
        try (SafetensorsWriter writer = SafetensorsWriter.create(turns, List.of(A, B), Map.of())) {
            writer.append("b", bytes.asSlice(0, 2));
            writer.append("a", floats(1));
            writer.append("b", bytes.asSlice(2));
            writer.append("a", floats(2));
            writer.finish();
        }
        assertThat(turns).hasSameBinaryContentAs(whole);
    }

    @Test
    void plan_withTheSameNameTwiceOrPartsOfBytes_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SafetensorsWriter.create(folder.resolve("x"), List.of(A, A), Map.of()))
                .withMessage("tensor 'a' is planned twice");
        assertThatIllegalArgumentException().isThrownBy(() -> new Planned("c", DType.F4, Shape.of(3)));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void create_inMissingDirectory_namesTheFile() {
        Path file = folder.resolve("none/x");
        assertThatThrownBy(() -> SafetensorsWriter.create(file, List.of(A), Map.of()))
                .isInstanceOf(StorageException.class)
                .hasMessage("%s: cannot be written: not found", file);
    }

    // /dev/full answers every write as a full disk does.
    @Test
    void failure_fullDisk_namesTheFileAndTheReason() {
        Path file = Path.of("/dev/full");
        IOException full = new IOException("No space left on device");
        assertThat(new StorageException(file, full))
                .hasMessage("/dev/full: cannot be written: No space left on device");
    }

    @Test
    void shardPlan_splitsInOrderAndIndexes() throws IOException {
        Planned large = new Planned("large", DType.U8, Shape.of(100));
        ShardPlan plan = ShardPlan.of(List.of(A, B, large, B), 11);
        assertThat(plan.shards())
                .extracting(ShardPlan.Shard::fileName)
                .containsExactly(
                        "model-00001-of-00003.safetensors",
                        "model-00002-of-00003.safetensors",
                        "model-00003-of-00003.safetensors");
        assertThat(plan.shards().getFirst().tensors()).containsExactly(A, B);
        assertThat(plan.shards().get(1).tensors()).containsExactly(large);
    }

    @Test
    void shardPlan_written_opensAsACheckpoint() throws IOException {
        ShardPlan plan = ShardPlan.of(List.of(A, B), 8);
        for (ShardPlan.Shard shard : plan.shards()) {
            SafetensorsWriter.write(
                    folder.resolve(shard.fileName()),
                    shard.tensors(),
                    Map.of("format", "pt"),
                    shard.tensors().stream()
                            .map(tensor -> MemorySegment.ofArray(new byte[(int) tensor.byteSize()]))
                            .toList());
        }
        plan.writeIndex(folder);
        AtomicFiles.write(folder.resolve("config.json"), "{}");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors()).containsOnlyKeys("a", "b");
            assertThat(checkpoint.shards()).hasSize(2);
            assertThat(checkpoint.findings()).isEmpty();
        }
        assertThat(Files.readString(folder.resolve("model.safetensors.index.json")))
                .contains("\"total_size\" : 11");
    }

    @Test
    void shardPlan_thatFitsOneFile_hasNoIndex() {
        ShardPlan plan = ShardPlan.of(List.of(A, B), 11);
        plan.writeIndex(folder);
        assertThat(plan.shards()).extracting(ShardPlan.Shard::fileName).containsExactly("model.safetensors");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void atomicFiles_failingContent_leavesTheOldFile() throws IOException {
        Path file = Files.writeString(folder.resolve("x"), "old");
        assertThatThrownBy(() -> AtomicFiles.write(file, channel -> {
                    AtomicFiles.writeFully(channel, java.nio.ByteBuffer.wrap("ne".getBytes(StandardCharsets.UTF_8)));
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("No space left on device");
        assertThat(file).hasContent("old");
        assertThat(list()).containsExactly("x");
    }

    @Test
    void atomicFiles_overALink_areRefused_andCopiesFollowIt(@TempDir Path cache) throws IOException {
        Path blob = Files.writeString(cache.resolve("blob"), "blob");
        Path link = Files.createSymbolicLink(folder.resolve("x"), blob);
        assertThatThrownBy(() -> AtomicFiles.write(link, "new"))
                .isInstanceOf(OutputException.class)
                .hasMessage("%s: is a link; only a regular file is replaced", link);
        assertThat(blob).hasContent("blob");
        assertThat(link).isSymbolicLink();
        Path copy = folder.resolve("copy");
        AtomicFiles.copy(link, copy);
        assertThat(copy).hasContent("blob");
    }

    @Test
    void atomicFiles_overADirectoryOrAPipe_areRefusedAtOnce() throws Exception {
        Path directory = Files.createDirectory(folder.resolve("directory"));
        Path pipe = folder.resolve("pipe");
        assumeThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();

        for (Path there : List.of(directory, pipe)) {
            assertThatThrownBy(() -> AtomicFiles.requireReplaceable(there)).isInstanceOf(OutputException.class);
            assertThatThrownBy(() -> SafetensorsWriter.create(there, List.of(A), Map.of()))
                    .isInstanceOf(OutputException.class)
                    .hasMessageEndingWith("; only a regular file is replaced");
        }
        assertThat(list()).containsExactlyInAnyOrder("directory", "pipe");
    }

    private static MemorySegment floats(float... values) {
        return MemorySegment.ofArray(values);
    }

    private List<String> list() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).toList();
        }
    }
}
