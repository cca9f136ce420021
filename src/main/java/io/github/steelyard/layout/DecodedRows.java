package io.github.steelyard.layout;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/// Some rows of a weight, decoded: dense and row-major.
public final class DecodedRows {

    private final float[] values; // (count, columns)
    private final int count;
    private final int columns;
    private final Optional<WeightEncoder.Encoded> before;

    DecodedRows(float[] values, int count, int columns) {
        this(values, count, columns, Optional.empty());
    }

    /// @param before what the rows were encoded as before, if they were; an encoder takes it as it is
    DecodedRows(float[] values, int count, int columns, Optional<WeightEncoder.Encoded> before) {
        this.values = values;
        this.count = count;
        this.columns = columns;
        this.before = before;
    }

    /// Returns the values `(count, columns)`, not copied.
    float[] values() {
        return values;
    }

    /// Returns the number of rows.
    int count() {
        return count;
    }

    /// Returns the values as F32 or rounded to BF16, little-endian.
    byte[] as(DType dtype) {
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * dtype.bits() / Byte.SIZE).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            if (dtype == DType.F32) {
                bytes.putFloat(value);
            } else {
                bytes.putShort((short) Bf16.encode(value));
            }
        }
        return bytes.array();
    }

    /// Returns the rows as they are after they were encoded.
    DecodedRows folded(WeightEncoder encoder) {
        if (before.isPresent()) {
            return this;
        }
        float[] decoded = new float[values.length];
        encoder.stored(encoder.encode(values, 0, count, columns), count, columns)
                .decodeRows(0, count, decoded, 0);
        return new DecodedRows(decoded, count, columns);
    }

    /// Returns the codes of the rows, and the scales of their parts if the format has any.
    List<byte[]> encode(WeightEncoder encoder) {
        WeightEncoder.Encoded encoded = before.orElseGet(() -> encoder.encode(values, 0, count, columns));
        return encoder.format().hasPartScales() ? List.of(encoded.codes(), encoded.scales()) : List.of(encoded.codes());
    }
}
