package io.github.steelyard.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SafetensorsFileTest {

    @TempDir
    Path folder;

    @Test
    void open_wellFormed_givesTensorsAndBytes() {
        Path file = new TinySafetensors()
                .metadata("format", "pt", "note", "any text")
                .f32("a", new long[] {2, 3}, 1, 2, 3, 4, 5, 6)
                .bytes("empty", "U8", new long[] {0, 7})
                .f32("scalar", new long[] {}, 0.5f)
                .write(folder.resolve("x.safetensors"));
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.metadata()).containsEntry("format", "pt").containsEntry("note", "any text");
            assertThat(opened.tensors().keySet()).containsExactly("a", "empty", "scalar");
            TensorInfo a = opened.tensors().get("a");
            assertThat(a.dtype()).isEqualTo(DType.F32);
            assertThat(a.shape()).isEqualTo(Shape.of(2, 3));
            assertThat(a.byteSize()).isEqualTo(24);
            assertThat(opened.bytes(a).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
                    .containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(opened.bytes("empty").byteSize()).isZero();
            assertThat(opened.bytes("scalar").get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0))
                    .isEqualTo(0.5f);
            assertThat(opened.bytes("a").isReadOnly()).isTrue();
            assertThat(opened.findings()).isEmpty();
        }
    }

    @Test
    void bytes_unknownName_isNamed() {
        try (SafetensorsFile opened = SafetensorsFile.open(one())) {
            assertThatThrownBy(() -> opened.bytes("b"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessage("%s: tensor 'b' is missing", one());
        }
    }

    // Header text with one tensor 't' over the four bytes of data that the file has.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | tensor 't': duplicate tensor name",
                "{'t':{'dtype':'F32','dtype':'F32','shape':[1],'data_offsets':[0,4]}} | tensor 't': duplicate key 'dtype'",
                "{'t':{'shape':[1],'data_offsets':[0,4]}}                        | tensor 't': no dtype",
                "{'t':{'dtype':'F32','data_offsets':[0,4]}}                      | tensor 't': no shape",
                "{'t':{'dtype':'F32','shape':[1]}}                               | tensor 't': no data_offsets",
                "{'t':{'dtype':'F33','shape':[1],'data_offsets':[0,4]}}          | tensor 't': unknown dtype 'F33'",
                "{'t':{'dtype':'f32','shape':[1],'data_offsets':[0,4]}}          | unknown dtype 'f32'",
                "{'t':{'dtype':null,'shape':[1],'data_offsets':[0,4]}}           | dtype is not a string",
                "{'t':{'dtype':'F32','shape':1,'data_offsets':[0,4]}}            | shape is not an array of integers",
                "{'t':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}}        | shape: wanted integers",
                "{'t':{'dtype':'F32','shape':[true],'data_offsets':[0,4]}}       | shape: wanted integers",
                "{'t':{'dtype':'F32','shape':[[1]],'data_offsets':[0,4]}}        | shape: wanted integers",
                "{'t':{'dtype':'F32','shape':[-1,-1],'data_offsets':[0,4]}}      | shape: negative number -1",
                "{'t':{'dtype':'F32','shape':[-0],'data_offsets':[0,4]}}         | shape: negative number -0",
                "{'t':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}          | F32 [2]: wanted 8 bytes, found 4",
                "{'t':{'dtype':'F32','shape':[4294967297],'data_offsets':[0,4]}} | wanted 17179869188 bytes, found 4",
                "{'t':{'dtype':'F32','shape':[4611686018427387905],'data_offsets':[0,4]}} | overflows 63 bits",
                "{'t':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,0]}} | overflows 63 bits",
                "{'t':{'dtype':'F32','shape':[18446744073709551617],'data_offsets':[0,4]}} | shape: 18446744073709551617 overflows 63 bits",
                "{'t':{'dtype':'F4','shape':[3],'data_offsets':[0,4]}}           | 12 bits are not whole bytes",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4,4]}}        | data_offsets has more than 2",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[4]}}            | wanted [begin, end], found [4]",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[-4,0]}}         | data_offsets: negative number -4",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}}          | begin is after end",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':['0','4']}}      | data_offsets: wanted integers",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4e0]}}        | data_offsets: wanted integers",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}          | reach beyond the 4 bytes",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[9223372036854775803,9223372036854775807]}} | beyond the 4 bytes",
                "{'t':{'dtype':'U8','shape':[3],'data_offsets':[1,4]}}           | hole of 1 bytes after the start",
                "{'t':{'dtype':'U8','shape':[3],'data_offsets':[0,3]}}           | 1 bytes after the end of tensor 't'",
                "{}                                                              | 4 bytes after the end",
                "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]},'t':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}} | tensor 't': data_offsets overlap by 1 bytes with tensor 'a'",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'t':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | overlap by 4 bytes with tensor 'a'",
                "{'t':5}                                                         | tensor 't': wanted an object",
                "{'t':null}                                                      | tensor 't': wanted an object",
                "{'__metadata__':{'a':1}}                                        | 'a' does not",
                "{'__metadata__':[]}                                             | __metadata__ must map strings",
                "{'__metadata__':{},'__metadata__':{}}                           | duplicate key '__metadata__'",
                "{'__metadata__':{'a':'b','a':'b'}}                              | duplicate key 'a'",
                "{'t':{'dtype':'F32','shape':[NaN],'data_offsets':[0,4]}}        | invalid header JSON",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},}         | invalid header JSON",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}           | it ends in the middle",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} {}       | trailing data",
                "{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} x        | invalid header JSON",
                "[{'t':1}]                                                       | does not start with '{'",
            })
    void open_badHeader_isRejectedWithReason(String header, String reason) throws IOException {
        Path file = Files.write(
                folder.resolve("bad.safetensors"), TinySafetensors.file(header.replace('\'', '"'), new byte[4]));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> SafetensorsFile.open(file))
                .satisfies(e -> assertThat(e.file()).isEqualTo(file))
                .withMessageStartingWith(file.toString())
                .withMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, 1L << 62, (1L << 32) + 2, 100_000_001})
    void open_headerLengthBeyondLimit_isRejectedWithoutReading(long length) throws IOException {
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(length, new byte[] {'{', '}'}, new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(
                        "%s: header length %s is more than the limit of 100000000 bytes; the file has 10",
                        file, Long.toUnsignedString(length));
    }

    @Test
    void open_headerLongerThanFile_isRejected() throws IOException {
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(3, new byte[] {'{', '}'}, new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage("%s: header length 3 exceeds the file, which has 10 bytes", file);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void open_fileShorterThanLength_isRejected(int size) throws IOException {
        Path file = Files.write(folder.resolve("x"), new byte[size]);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage("%s: %d bytes: too short for the 8 bytes of the header length", file, size);
    }

    @Test
    void open_everyTruncation_isRejected() throws IOException {
        byte[] whole = Files.readAllBytes(one());
        for (int size = 0; size < whole.length; size++) {
            Path file = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, size));
            assertThatThrownBy(() -> SafetensorsFile.open(file))
                    .as("%d of %d bytes", size, whole.length)
                    .isInstanceOf(CheckpointException.class);
        }
    }

    // A single changed byte may leave a sound file; what it may not do is raise anything but our own exception.
    @Test
    void open_everyByteOfHeaderChanged_isSoundOrRejected() throws IOException {
        byte[] whole = Files.readAllBytes(one());
        for (int at = 0; at < whole.length - 4; at++) {
            for (int flip : new int[] {0x01, 0x20, 0x80, 0xff}) {
                byte[] changed = whole.clone();
                changed[at] ^= (byte) flip;
                Path file = Files.write(folder.resolve("changed"), changed);
                try (SafetensorsFile opened = SafetensorsFile.open(file)) {
                    opened.tensors()
                            .values()
                            .forEach(tensor ->
                                    assertThat(opened.bytes(tensor).byteSize()).isEqualTo(tensor.byteSize()));
                } catch (CheckpointException e) {
                    assertThat(e.getMessage().lines()).hasSize(1);
                }
            }
        }
    }

    @Test
    @Timeout(10)
    void open_deepNesting_isRejectedWithoutOverflow() throws IOException {
        for (String deep : new String[] {"[".repeat(1_000_000), "{\"a\":".repeat(500_000)}) {
            String header = "{\"t\":{\"dtype\":\"U8\",\"extra\":" + deep;
            Path file = Files.write(folder.resolve("deep"), TinySafetensors.file(header, new byte[0]));
            assertThatThrownBy(() -> SafetensorsFile.open(file))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("nested too deeply");
        }
    }

    @Test
    @Timeout(20)
    void open_largestHeaderOfJunk_isRejectedInBoundedTime() throws IOException {
        Path file = folder.resolve("junk");
        for (char junk : new char[] {'\0', '{', '[', '"', ' ', '1'}) {
            byte[] header = new byte[100_000_000];
            Arrays.fill(header, (byte) junk);
            byte[] start = "{\"t\":".getBytes(StandardCharsets.UTF_8);
            System.arraycopy(start, 0, header, 0, start.length);
            Files.write(file, TinySafetensors.file(header.length, header, new byte[0]));
            assertThatThrownBy(() -> SafetensorsFile.open(file))
                    .as("junk U+%04x", (int) junk)
                    .isInstanceOf(CheckpointException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff fe", "c0 80", "ed a0 80", "f4 90 80 80", "80", "e2 82"})
    void open_invalidUtf8_isRejected(String hex) throws IOException {
        byte[] middle = HexFormat.of().parseHex(hex.replace(" ", ""));
        ByteBuffer header = ByteBuffer.allocate(100)
                .put("{\"".getBytes(StandardCharsets.UTF_8))
                .put(middle)
                .put("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}".getBytes(StandardCharsets.UTF_8));
        byte[] bytes = Arrays.copyOf(header.array(), header.position());
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(bytes.length, bytes, new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file)).hasMessage("%s: header is not valid UTF-8", file);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\\ud800", "\\udc00a", "\\ud800\\ud800"})
    void open_nameWithHalfASurrogate_isRejected(String name) throws IOException {
        String header = "{\"%s\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}".formatted(name);
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(header, new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file)).isInstanceOf(CheckpointException.class);
    }

    @Test
    void open_nameWithControlCharacters_isShownOnOneLine() throws IOException {
        String header = "{\"a\\n\\u001b[2J\\u2028b\":{\"dtype\":\"U9\"}}";
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(header, new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage("%s: tensor 'a\\u000a\\u001b[2J\\u2028b': unknown dtype 'U9'", file);
    }

    @Test
    void open_sameNameWithAndWithoutEscapes_isDuplicate() throws IOException {
        String entry = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
        Path file = Files.write(
                folder.resolve("x"),
                TinySafetensors.file("{\"ab\":%s,\"\\u0061b\":%s}".formatted(entry, entry), new byte[0]));
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage("%s: tensor 'ab': duplicate tensor name in the header", file);
    }

    @Test
    void open_unknownKeyOfAnEntry_isWarnedOf() throws IOException {
        String header = "{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"crc\":[1,{\"a\":2}]}}";
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(header, new byte[0]));
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.findings())
                    .containsExactly(Finding.warning(
                            "header-unknown-key",
                            "t",
                            "%s: tensor 't': unknown key 'crc' in the header, ignored".formatted(file)));
        }
    }

    @Test
    void open_hundredThousandTensors_takesWellUnderASecondOfEach() throws IOException {
        TinySafetensors many = new TinySafetensors();
        for (int i = 0; i < 100_000; i++) {
            many.bytes(
                    "model.layers.%d.mlp.experts.%d.up_proj.weight".formatted(i / 1000, i % 1000),
                    "U8",
                    new long[] {1},
                    7);
        }
        Path file = many.write(folder.resolve("many.safetensors"));
        long start = System.nanoTime();
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.tensors()).hasSize(100_000);
        }
        // A bound that a loaded machine keeps; measured alone it is about 0.2 s.
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void bytes_beyondTwoGigabytes_areReachable() throws IOException {
        long size = 5L << 30;
        String header = "{\"big\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},".formatted(size, size)
                + "\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[%d,%d]}}".formatted(size, size + 4);
        Path file = Files.write(folder.resolve("x"), TinySafetensors.file(header, new byte[0]));
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.seek(file.toFile().length() + size);
            sparse.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(1.5f)
                    .array());
        }
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.bytes("big").byteSize()).isEqualTo(size);
            assertThat(opened.bytes("big").get(ValueLayout.JAVA_BYTE, size - 1)).isZero();
            assertThat(opened.bytes("t").get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0))
                    .isEqualTo(1.5f);
        }
    }

    @Test
    void bytes_fileCutAfterOpening_isAnError() throws IOException {
        Path file = one();
        try (SafetensorsFile opened = SafetensorsFile.open(file)) {
            assertThat(opened.bytes("a").byteSize()).isEqualTo(4);
            long size = Files.size(file);
            try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
                cut.setLength(20);
            }
            assertThatThrownBy(() -> opened.bytes("a"))
                    .hasMessage("%s: changed while it was in use: %d bytes when opened, 20 bytes now", file, size);
        }
    }

    @Test
    void open_notARegularFile_isRejected() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder))
                .hasMessage("%s: not a regular file: a directory", folder);
        Path device = Path.of("/dev/zero");
        assertThatThrownBy(() -> SafetensorsFile.open(device))
                .hasMessage("/dev/zero: not a regular file: a special file");
    }

    @Test
    void open_missingOrDanglingLink_saysWhich() throws IOException {
        Path none = folder.resolve("none");
        assertThatThrownBy(() -> SafetensorsFile.open(none)).hasMessage("%s: not found", none);
        Path link = Files.createSymbolicLink(folder.resolve("link"), none);
        assertThatThrownBy(() -> SafetensorsFile.open(link))
                .hasMessage("%s: not found: it is a link to a file that does not exist", link);
    }

    private Path one() {
        Path file = folder.resolve("one.safetensors");
        return Files.exists(file)
                ? file
                : new TinySafetensors()
                        .metadata("format", "pt")
                        .f32("a", new long[] {1}, 1)
                        .write(file);
    }
}
