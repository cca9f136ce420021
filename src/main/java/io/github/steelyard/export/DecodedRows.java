package io.github.steelyard.export;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.Mx;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Some rows of a weight, decoded: dense and row-major.
final class DecodedRows {

    private final float[] values; // (count, columns)
    private final int count;
    private final int columns;

    DecodedRows(float[] values, int count, int columns) {
        this.values = values;
        this.count = count;
        this.columns = columns;
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
    ByteBuffer as(DType dtype) {
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * dtype.bits() / Byte.SIZE).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            if (dtype == DType.F32) {
                bytes.putFloat(value);
            } else {
                bytes.putShort((short) Bf16.encode(value));
            }
        }
        return bytes.flip();
    }

    /// Codes and the scales of blocks or rows, little-endian; no scales where the tensor has one.
    record Encoded(ByteBuffer codes, ByteBuffer scales) {}

    /// Encodes the rows.
    ///
    /// @param scale the scale of the whole tensor; read by the formats that have one
    Encoded encode(LayerFormat format, float scale) {
        return switch (format) {
            case FP8 -> {
                byte[] codes = new byte[values.length];
                Fp8.encode(values, 0, values.length, scale, codes, 0);
                yield encoded(codes, new byte[0]);
            }
            case FP8_PER_CHANNEL -> {
                byte[] codes = new byte[values.length];
                float[] scales = new float[count];
                Fp8.encodeChannels(values, 0, count, columns, codes, 0, scales, 0);
                yield encoded(codes, bytes(scales));
            }
            case FP8_BLOCK -> {
                byte[] codes = new byte[values.length];
                float[] scales = new float[Math.ceilDiv(count, Fp8.BLOCK) * Math.ceilDiv(columns, Fp8.BLOCK)];
                Fp8.encodeBlocks(values, 0, count, columns, codes, 0, scales, 0);
                yield encoded(codes, bytes(scales));
            }
            case NVFP4, W4A16_NVFP4 -> {
                byte[] codes = new byte[values.length / 2];
                byte[] scales = new byte[values.length / Nvfp4.BLOCK];
                Nvfp4.encodeRows(values, 0, count, columns, scale, codes, 0, scales, 0);
                yield encoded(codes, scales);
            }
            case MXFP4 -> {
                byte[] codes = new byte[values.length / 2];
                byte[] scales = new byte[values.length / Mx.BLOCK];
                Mx.encodeFp4Rows(values, 0, count, columns, Mx.Fp4Rounding.NEAREST_EVEN, codes, 0, scales, 0);
                yield encoded(codes, scales);
            }
            case MXFP8 -> {
                byte[] codes = new byte[values.length];
                byte[] scales = new byte[values.length / Mx.BLOCK];
                Mx.encodeFp8Rows(values, 0, count, columns, codes, 0, scales, 0);
                yield encoded(codes, scales);
            }
        };
    }

    private static Encoded encoded(byte[] codes, byte[] scales) {
        return new Encoded(ByteBuffer.wrap(codes), ByteBuffer.wrap(scales));
    }

    private static byte[] bytes(float[] scales) {
        ByteBuffer bytes = ByteBuffer.allocate(scales.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float scale : scales) {
            bytes.putFloat(scale);
        }
        return bytes.array();
    }
}
