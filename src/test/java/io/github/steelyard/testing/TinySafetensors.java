package io.github.steelyard.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// Builds small safetensors files for tests, byte by byte and without the product's writer. Good files come from the
/// typed methods; hostile ones from [#entry], which writes any text into the header, or from [#file], which writes any
/// header at all.
public final class TinySafetensors {

    private final List<String> entries = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    /// Adds the `__metadata__` object, given as alternating keys and values.
    public TinySafetensors metadata(String... keysAndValues) {
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            pairs.add("%s:%s".formatted(quoted(keysAndValues[i]), quoted(keysAndValues[i + 1])));
        }
        entries.add("\"__metadata__\":{%s}".formatted(String.join(",", pairs)));
        return this;
    }

    /// Adds a float32 tensor.
    public TinySafetensors f32(String name, long[] shape, float... values) {
        byte[] bytes = new byte[values.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
        return tensor(name, "F32", shape, bytes);
    }

    /// Adds a BF16 tensor; values that BF16 cannot hold are cut, not rounded.
    public TinySafetensors bf16(String name, long[] shape, float... values) {
        byte[] bytes = new byte[values.length * Short.BYTES];
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
        }
        return tensor(name, "BF16", shape, bytes);
    }

    /// Adds a tensor of one-byte elements, for example `U8`, `F8_E4M3` or `F8_E8M0`.
    public TinySafetensors bytes(String name, String dtype, long[] shape, int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return tensor(name, dtype, shape, bytes);
    }

    /// Adds a tensor with the bytes given, at the end of the data; `dtype` and `shape` are written as they are.
    public TinySafetensors tensor(String name, String dtype, long[] shape, byte[] bytes) {
        long begin = data.size();
        data.writeBytes(bytes);
        return entry("%s:{\"dtype\":%s,\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(
                        quoted(name),
                        quoted(dtype),
                        Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(",", "[", "]")),
                        begin,
                        data.size()));
    }

    /// Adds header text as it is: one `"name":{…}` pair.
    public TinySafetensors entry(String json) {
        entries.add(json);
        return this;
    }

    /// Adds bytes to the data that no entry describes.
    public TinySafetensors padding(int count) {
        data.writeBytes(new byte[count]);
        return this;
    }

    /// Returns the header's JSON.
    public String header() {
        return entries.stream().collect(Collectors.joining(",", "{", "}"));
    }

    /// Returns the whole file, header padded with spaces to a multiple of 8.
    public byte[] toBytes() {
        byte[] header = header().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(header, (header.length + 7) / 8 * 8);
        Arrays.fill(padded, header.length, padded.length, (byte) ' ');
        return file(padded.length, padded, data.toByteArray());
    }

    /// Writes the file.
    ///
    /// @return `file`
    public Path write(Path file) {
        try {
            return Files.write(file, toBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns a file of these parts, whether they fit together or not.
    ///
    /// @param headerLength the length that the first eight bytes state
    public static byte[] file(long headerLength, byte[] header, byte[] data) {
        byte[] file = new byte[Long.BYTES + header.length + data.length];
        ByteBuffer.wrap(file)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerLength)
                .put(header)
                .put(data);
        return file;
    }

    /// Returns a file with this header text, its true length, and this data.
    public static byte[] file(String header, byte[] data) {
        byte[] bytes = header.getBytes(StandardCharsets.UTF_8);
        return file(bytes.length, bytes, data);
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
