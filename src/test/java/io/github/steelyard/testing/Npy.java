package io.github.steelyard.testing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// One array of NumPy's `.npy` format: little-endian float32, float64, int32 or int64 in C order.
///
/// @param descr NumPy's type string: `<f4`, `<f8`, `<i4` or `<i8`
/// @param shape the extents, outermost first; empty for a scalar
/// @param data the elements, little-endian
public record Npy(String descr, List<Integer> shape, ByteBuffer data) {

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final Pattern HEADER = Pattern.compile(
            "\\{'descr': '(?<descr>[^']+)', 'fortran_order': (?<fortran>True|False), 'shape': \\((?<shape>[^)]*)\\), \\}");

    /// Parses the bytes of an `.npy` file.
    ///
    /// @param name what to call the file in messages
    public static Npy parse(String name, byte[] file) {
        ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        for (byte expected : MAGIC) {
            if (buffer.get() != expected) {
                throw new IllegalArgumentException("'%s' is not an .npy file".formatted(name));
            }
        }
        int major = buffer.get();
        buffer.get();
        int headerLength = major == 1 ? Short.toUnsignedInt(buffer.getShort()) : buffer.getInt();
        byte[] header = new byte[headerLength];
        buffer.get(header);
        Matcher fields = HEADER.matcher(new String(header, StandardCharsets.US_ASCII).strip());
        if (!fields.matches() || fields.group("fortran").equals("True")) {
            throw new IllegalArgumentException("'%s': expected a C-order array, found header %s"
                    .formatted(name, new String(header, StandardCharsets.US_ASCII)));
        }
        List<Integer> shape = Stream.of(fields.group("shape").split(","))
                .map(String::strip)
                .filter(extent -> !extent.isEmpty())
                .map(Integer::valueOf)
                .toList();
        return new Npy(fields.group("descr"), shape, buffer.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    /// Returns the number of elements.
    public int size() {
        return shape.stream().reduce(1, Math::multiplyExact);
    }

    /// Returns the elements of a float32 array.
    public float[] floats() {
        require("<f4");
        float[] values = new float[size()];
        data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    /// Returns the elements of a float64 array.
    public double[] doubles() {
        require("<f8");
        double[] values = new double[size()];
        data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
        return values;
    }

    /// Returns the elements of an int32 array.
    public int[] ints() {
        require("<i4");
        int[] values = new int[size()];
        data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
        return values;
    }

    /// Returns the elements of an int64 array.
    public long[] longs() {
        require("<i8");
        long[] values = new long[size()];
        data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
        return values;
    }

    private void require(String wanted) {
        if (!descr.equals(wanted)) {
            throw new IllegalStateException("expected an array of type %s, found %s".formatted(wanted, descr));
        }
    }
}
