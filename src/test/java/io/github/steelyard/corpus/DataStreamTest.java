package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Packed data files, sound and hostile.
@Timeout(60)
final class DataStreamTest {

    private static final String LINES = "{\"input_ids\": [1, 2]}\n{\"input_ids\": [3]}\n";

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"gz", "zst"})
    void read_packed_isWhatItHolds(String ending) throws Exception {
        byte[] packed = packed(ending, LINES.getBytes(StandardCharsets.UTF_8));
        Path file = Files.write(directory.resolve("d.jsonl." + ending), packed);

        CalibrationSet set = read(file);

        assertThat(set.digest())
                .isEqualTo(read(Files.writeString(directory.resolve("d.jsonl"), LINES))
                        .digest());
        assertThat(set.files().getFirst().digest())
                .isEqualTo(HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(packed)));
        assertThat(set.files().getFirst().isPlain()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gz", "zst"})
    void read_membersOneAfterTheOther_areOneText(String ending) throws IOException {
        byte[] first = packed(ending, LINES.getBytes(StandardCharsets.UTF_8));
        byte[] second = packed(ending, "{\"input_ids\": [4]}\n".getBytes(StandardCharsets.UTF_8));
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);

        assertThat(read(Files.write(directory.resolve("d.jsonl." + ending), both))
                        .count())
                .isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gz", "zst"})
    void read_brokenOff_isRefusedAtEveryLength(String ending) throws IOException {
        byte[] packed = packed(ending, LINES.getBytes(StandardCharsets.UTF_8));
        for (int length = ending.equals("gz") ? 0 : 1; length < packed.length; length++) {
            Path file = Files.write(directory.resolve("d.jsonl." + ending), Arrays.copyOf(packed, length));

            refused(file, ": cannot be read: ");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gz", "zst"})
    void read_bytesAfterTheEnd_areRefused(String ending) throws IOException {
        byte[] packed = packed(ending, LINES.getBytes(StandardCharsets.UTF_8));
        byte[] more = Arrays.copyOf(packed, packed.length + 100);
        more[packed.length + 50] = 7;

        refused(Files.write(directory.resolve("d.jsonl." + ending), more), ": cannot be read: damaged ");
    }

    @Test
    void read_gzipFilledUpWithZeros_isRead() throws IOException {
        byte[] packed = packed("gz", LINES.getBytes(StandardCharsets.UTF_8));

        assertThat(read(Files.write(directory.resolve("d.jsonl.gz"), Arrays.copyOf(packed, packed.length + 100_000)))
                        .count())
                .isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gz", "zst"})
    void read_anyByteChanged_isOneLineOrTheSame(String ending) throws IOException {
        byte[] packed = packed(ending, LINES.getBytes(StandardCharsets.UTF_8));
        for (int at = 0; at < packed.length; at++) {
            byte[] changed = packed.clone();
            changed[at] ^= 0x41;
            Path file = Files.write(directory.resolve("d.jsonl." + ending), changed);
            try {
                assertThat(read(file).count()).isPositive();
            } catch (CorpusException e) {
                assertThat(e).hasMessageNotContaining("\n").hasMessageStartingWith(file.toString());
            }
        }
    }

    @Test
    void read_bomb_endsSoon() throws IOException {
        byte[] blank = new byte[1 << 20];
        Arrays.fill(blank, (byte) '\n');

        refused(bomb("lines.jsonl.zst", blank, 100), ": cannot be read: unpacks to more than 200 times its size");
        refused(bomb("zeros.jsonl.zst", new byte[1 << 20], 20), ":1: line is longer than 16777216 bytes");
        refused(bomb("text.txt.gz", new byte[1 << 20], 20), ": plain text of more than 16777216 bytes; use JSONL");
    }

    @Test
    void read_hugeWindow_isRefused() throws IOException {
        // Magic number, no content size, a window of 2 TiB, then a raw block.
        byte[] frame = HexFormat.of().parseHex("28b52ffd00f80900000a");

        refused(Files.write(directory.resolve("window.jsonl.zst"), frame), ": cannot be read: damaged zstd data: ");
    }

    @Test
    void read_unknownPacking_saysSo() throws IOException {
        refused(
                Files.writeString(directory.resolve("d.jsonl.xz"), ""),
                ": data in '.xz' is not read; unpack it, or pack it as .gz or .zst");
    }

    private Path bomb(String name, byte[] part, int times) throws IOException {
        Path file = directory.resolve(name);
        try (OutputStream out = Files.newOutputStream(file);
                OutputStream packing =
                        name.endsWith(".gz") ? new GZIPOutputStream(out) : new ZstdOutputStream(out, 1)) {
            for (int i = 0; i < times; i++) {
                packing.write(part);
            }
        }
        return file;
    }

    private static byte[] packed(String ending, byte[] bytes) throws IOException {
        if (ending.equals("zst")) {
            return Zstd.compress(bytes);
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(bytes);
        }
        return packed.toByteArray();
    }

    private static void refused(Path file, String part) {
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining(part)
                .hasMessageNotContaining("\n");
    }

    private static CalibrationSet read(Path file) {
        try (Tokenizer none = Tokenizer.at(Path.of("none"))) {
            return CalibrationSet.read(
                    DataOptions.DEFAULT.withSources(List.of(DataSource.of(file))), none, 1040, OptionalInt::empty);
        }
    }
}
