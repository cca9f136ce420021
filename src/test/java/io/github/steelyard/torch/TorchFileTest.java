package io.github.steelyard.torch;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.testing.TorchReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TorchFileTest {

    @TempDir
    private Path temp;

    @Test
    void value_readByAnother_isTheSame() throws IOException {
        SequencedMap<TorchValue, TorchValue> blocks = new LinkedHashMap<>();
        blocks.put(TorchValue.of(-1), TorchValue.of(16));
        blocks.put(TorchValue.of("type"), TorchValue.of("dynamic"));
        blocks.put(TorchValue.of("größe"), TorchValue.of(70_000));
        SequencedMap<String, TorchValue> file = new LinkedHashMap<>();
        file.put("flags", TorchValue.list(TorchValue.of(true), TorchValue.of(false), TorchValue.NONE));
        file.put("none", TorchValue.list());
        file.put("blocks", new TorchValue.Dictionary(blocks));
        file.put("bits", TorchValue.tuple(TorchValue.of(4), TorchValue.of(255)));
        file.put("empty", TorchValue.tuple());
        file.put("one", TorchValue.tuple(TorchValue.of(256)));
        file.put("four", TorchValue.tuple(TorchValue.of(1), TorchValue.of(2), TorchValue.of(3), TorchValue.of(4)));
        file.put("real", new TorchValue.Real(4.5));
        file.put("dtype", new TorchValue.Float32());
        file.put("first", new TorchValue.Scalar(3.25f));
        file.put("second", new TorchValue.Scalar(Float.MIN_VALUE));

        Object read = TorchReader.read(write(TorchValue.dictionary(file)));

        assertThat(read)
                .isEqualTo(Map.ofEntries(
                        Map.entry("flags", List.of(true, false, TorchReader.NONE)),
                        Map.entry("none", List.of()),
                        Map.entry("blocks", Map.of(-1, 16, "type", "dynamic", "größe", 70_000)),
                        Map.entry("bits", List.of(4, 255)),
                        Map.entry("empty", List.of()),
                        Map.entry("one", List.of(256)),
                        Map.entry("four", List.of(1, 2, 3, 4)),
                        Map.entry("real", 4.5),
                        Map.entry("dtype", "torch.float32"),
                        Map.entry("first", new TorchReader.Scalar("torch.FloatStorage", 3.25f)),
                        Map.entry("second", new TorchReader.Scalar("torch.FloatStorage", Float.MIN_VALUE))));
    }

    // So that a loader can map the file.
    @Test
    void entries_beginAtMultiplesOf64_uncompressed() throws IOException {
        byte[] bytes = Files.readAllBytes(write(TorchValue.list(new TorchValue.Scalar(1), new TorchValue.Scalar(2))));
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<String> names = new ArrayList<>();

        int at = 0;
        while (file.getInt(at) == 0x04034b50) {
            int nameLength = file.getShort(at + 26);
            int start = at + 30 + nameLength + file.getShort(at + 28);
            names.add(new String(bytes, at + 30, nameLength, StandardCharsets.UTF_8));
            assertThat((int) file.getShort(at + 8)).isZero();
            assertThat(start % 64).isZero();
            at = start + file.getInt(at + 18);
        }

        assertThat(names)
                .containsExactly(
                        "state/data.pkl",
                        "state/.format_version",
                        "state/.storage_alignment",
                        "state/byteorder",
                        "state/data/0",
                        "state/data/1",
                        "state/version");
        assertThat(TorchReader.entries(temp.resolve("state.pth")))
                .containsEntry("state/version", "3\n".getBytes(StandardCharsets.US_ASCII))
                .containsEntry("state/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
    }

    private Path write(TorchValue value) throws IOException {
        return Files.write(temp.resolve("state.pth"), TorchFile.bytes("state", value));
    }
}
