package io.github.steelyard.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What a safetensors header says about one tensor, each part checked by itself and against the others.
///
/// @param begin where the bytes begin, in bytes from the start of the data
/// @param end where they end, exclusive
/// @param unknownKey a key that the format does not know, or empty
record HeaderEntry(DType dtype, Shape shape, long begin, long end, String unknownKey) {

    private static final int HIGHEST_RANK = 32;
    private static final BigInteger LARGEST = BigInteger.valueOf(Long.MAX_VALUE);

    /// Reads the value that `parser` stands on.
    ///
    /// @throws CheckpointException if it is not a sound entry; the message names the tensor
    static HeaderEntry read(Path file, String name, JsonParser parser) throws IOException {
        return new Reading(file, name, parser).read();
    }

    /// Returns the tensor, its data section starting at byte `dataStart` of `file`.
    TensorInfo place(Path file, String name, long dataStart) {
        return new TensorInfo(name, dtype, shape, file, dataStart + begin, end - begin);
    }

    private static final class Reading {

        private final Path file;
        private final String name;
        private final JsonParser parser;
        private @Nullable DType dtype;
        private @Nullable Shape shape;
        private @Nullable List<Long> offsets;
        private String unknownKey = "";

        Reading(Path file, String name, JsonParser parser) {
            this.file = file;
            this.name = name;
            this.parser = parser;
        }

        HeaderEntry read() throws IOException {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw bad("wanted an object with dtype, shape and data_offsets, found another value");
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                readKey(parser.currentName());
            }
            return checked(present(dtype, "dtype"), present(shape, "shape"), present(offsets, "data_offsets"));
        }

        private void readKey(String key) throws IOException {
            parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    requireOnce(dtype, key);
                    dtype = readDType();
                }
                case "shape" -> {
                    requireOnce(shape, key);
                    shape = readShape();
                }
                case "data_offsets" -> {
                    requireOnce(offsets, key);
                    offsets = readIntegers(key, 2);
                    if (offsets.size() != 2) {
                        throw bad("data_offsets: wanted [begin, end], found %s".formatted(offsets));
                    }
                }
                default -> {
                    unknownKey = key;
                    parser.skipChildren();
                }
            }
        }

        private DType readDType() throws IOException {
            if (parser.currentToken() != JsonToken.VALUE_STRING) {
                throw bad("dtype is not a string");
            }
            String text = parser.getText();
            for (DType candidate : DType.values()) {
                if (candidate.name().equals(text)) {
                    return candidate;
                }
            }
            throw bad("unknown dtype %s".formatted(Printable.quoted(text)));
        }

        private Shape readShape() throws IOException {
            List<Long> dims = readIntegers("shape", HIGHEST_RANK);
            try {
                return new Shape(dims);
            } catch (IllegalArgumentException e) {
                throw bad("shape %s: the number of elements overflows 63 bits".formatted(dims));
            }
        }

        private List<Long> readIntegers(String key, int most) throws IOException {
            if (parser.currentToken() != JsonToken.START_ARRAY) {
                throw bad("%s is not an array of integers".formatted(key));
            }
            List<Long> values = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (values.size() == most) {
                    throw bad(String.format(Locale.ROOT, "%s has more than %d numbers", key, most));
                }
                values.add(readInteger(key));
            }
            return values;
        }

        private long readInteger(String key) throws IOException {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw bad("%s: wanted integers, found another value".formatted(key));
            }
            String text = parser.getText();
            if (text.startsWith("-")) {
                throw bad("%s: negative number %s".formatted(key, text));
            }
            BigInteger value = parser.getBigIntegerValue();
            if (value.compareTo(LARGEST) > 0) {
                throw bad("%s: %s overflows 63 bits".formatted(key, text));
            }
            return value.longValueExact();
        }

        private HeaderEntry checked(DType type, Shape extents, List<Long> range) {
            long begin = range.get(0);
            long end = range.get(1);
            if (begin > end) {
                throw bad(String.format(Locale.ROOT, "data_offsets [%d, %d]: begin is after end", begin, end));
            }
            long bits;
            try {
                bits = Math.multiplyExact(extents.elements(), (long) type.bits());
            } catch (ArithmeticException e) {
                throw bad("%s %s: the size in bits overflows 63 bits".formatted(type, extents));
            }
            if (bits % Byte.SIZE != 0) {
                throw bad(String.format(Locale.ROOT, "%s %s: %d bits are not whole bytes", type, extents, bits));
            }
            if (bits / Byte.SIZE != end - begin) {
                throw bad(String.format(
                        Locale.ROOT,
                        "%s %s: wanted %d bytes, found %d in data_offsets [%d, %d]",
                        type,
                        extents,
                        bits / Byte.SIZE,
                        end - begin,
                        begin,
                        end));
            }
            return new HeaderEntry(type, extents, begin, end, unknownKey);
        }

        private void requireOnce(@Nullable Object earlier, String key) {
            if (earlier != null) {
                throw bad("duplicate key '%s' in the header".formatted(key));
            }
        }

        private <T> T present(@Nullable T value, String key) {
            if (value == null) {
                throw bad("no %s in the header".formatted(key));
            }
            return value;
        }

        private CheckpointException bad(String problem) {
            return new CheckpointException(file, "tensor %s: %s".formatted(Printable.quoted(name), problem));
        }
    }
}
