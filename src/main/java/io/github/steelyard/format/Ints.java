package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// The encoder of integers: signed codes of 4 or 8 bits, symmetric about zero, under a scale for each row or for each
/// group of a row.
///
/// | | [Arithmetic#MODELOPT] | [Arithmetic#COMPRESSED_TENSORS] |
/// |---|---|---|
/// | scale | `amax / (2^(b - 1) - 1)` | `bf16(amax / (2^(b - 1) - 1/2))` |
/// | where that is 0 | 1 | `2^-7` |
/// | stored as | F32 | BF16 |
/// | code | `rint(w / scale)` | `rint(bf16(w / scale))` |
/// | four bits | two rows in a byte | eight columns in a word, plus 8 |
///
/// The even row of two has the low bits, the first column of eight the lowest.
///
/// Codes are limited to `-2^(b - 1) .. 2^(b - 1) - 1`; halves go to the even code. What compressed-tensors has is what
/// llm-compressor makes of a model in BF16. The last group of a row may be partial.
///
/// Source: MODELOPT, LLMCOMPRESSOR-BYTES (see `docs/SOURCES.md`).
public final class Ints {

    private static final float BF16_EPSILON = 0x1p-7f;
    private static final int CODES_IN_A_WORD = 8; // of four bits

    private Ints() {}

    /// Returns the largest code of `bits` bits: 7 or 127.
    public static int largest(int bits) {
        return (1 << (bits - 1)) - 1;
    }

    /// Returns ModelOpt's scale for elements with this amax, 1 if that would be zero. Inputs have it in either dialect.
    ///
    /// @param bits 4 or 8
    /// @throws IllegalArgumentException if `amax` is negative or not finite
    public static float scale(int bits, float amax) {
        float scale = Amax.require(amax) / largest(bits);
        return scale == 0 ? 1 : scale;
    }

    /// Returns the largest magnitude of what is decoded of elements with this amax, as ModelOpt quantises them:
    /// `l / (l / amax)`.
    static float decodedAmax(int bits, float amax) {
        return amax == 0 ? 0 : largest(bits) / (largest(bits) / Amax.require(amax));
    }

    /// Returns the code of `w / scale`, as a float.
    ///
    /// @param quotient not NaN
    public static float code(int bits, float quotient) {
        return Math.clamp((float) Math.rint(quotient), -largest(bits) - 1, largest(bits));
    }

    /// Returns the scale in the given order of roundings.
    ///
    /// @throws IllegalArgumentException if `amax` is negative or not finite
    public static float scale(Arithmetic arithmetic, int bits, float amax) {
        return switch (arithmetic) {
            case MODELOPT -> scale(bits, amax);
            case COMPRESSED_TENSORS -> {
                float scale = Bf16.decode(Bf16.encode(Amax.require(amax) / (largest(bits) + 0.5f)));
                yield scale == 0 ? BF16_EPSILON : scale;
            }
        };
    }

    /// Returns the scale of each group of dense rows, that of its largest magnitude.
    ///
    /// @param group columns that share a scale
    /// @return `(rows, ceil(columns / group))`
    /// @throws IllegalArgumentException if a value is not finite
    static float[] scales(
            Arithmetic arithmetic, int bits, int group, float[] values, int offset, int rows, int columns) {
        int groups = Math.ceilDiv(columns, group);
        float[] scales = new float[rows * groups];
        for (int row = 0; row < rows; row++) {
            for (int g = 0; g < groups; g++) {
                int from = g * group;
                float amax = Amax.of(values, offset + row * columns + from, Math.min(group, columns - from));
                scales[row * groups + g] = scale(arithmetic, bits, amax);
            }
        }
        return scales;
    }

    /// Returns the codes of dense rows, one in a byte.
    ///
    /// @param scales `(rows, ceil(columns / group))`
    static byte[] codes(
            Arithmetic arithmetic,
            int bits,
            int group,
            float[] scales,
            float[] values,
            int offset,
            int rows,
            int columns) {
        int groups = Math.ceilDiv(columns, group);
        byte[] codes = new byte[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int at = row * columns + column;
                float quotient = values[offset + at] / scales[row * groups + column / group];
                float rounded = switch (arithmetic) {
                    case MODELOPT -> quotient;
                    case COMPRESSED_TENSORS -> Bf16.decode(Bf16.encode(quotient));
                };
                codes[at] = (byte) code(bits, rounded);
            }
        }
        return codes;
    }

    /// Returns codes of four bits packed as the dialect of an arithmetic has them.
    static byte[] packed(Arithmetic arithmetic, byte[] codes, int rows, int columns) {
        return switch (arithmetic) {
            case MODELOPT -> pairs(codes, rows, columns);
            case COMPRESSED_TENSORS -> words(codes, rows, columns);
        };
    }

    /// `(ceil(rows / 2), columns)`; a row that is missing is zeros.
    private static byte[] pairs(byte[] codes, int rows, int columns) {
        byte[] pairs = new byte[Math.ceilDiv(rows, 2) * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                pairs[row / 2 * columns + column] |= (byte) ((codes[row * columns + column] & 0xf) << (row % 2 * 4));
            }
        }
        return pairs;
    }

    /// `(rows, ceil(columns / 8))` words; bits of columns that are missing are zero.
    private static byte[] words(byte[] codes, int rows, int columns) {
        ByteBuffer words = ByteBuffer.allocate(rows * Math.ceilDiv(columns, CODES_IN_A_WORD) * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            for (int first = 0; first < columns; first += CODES_IN_A_WORD) {
                int word = 0;
                for (int i = 0; i < Math.min(CODES_IN_A_WORD, columns - first); i++) {
                    word |= (codes[row * columns + first + i] + 8) << (4 * i);
                }
                words.putInt(word);
            }
        }
        return words.array();
    }

    /// Returns scales as they are stored.
    static byte[] stored(Arithmetic arithmetic, float[] scales) {
        boolean half = scaleType(arithmetic) == DType.BF16;
        ByteBuffer bytes = ByteBuffer.allocate(scales.length * (half ? Short.BYTES : Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (float scale : scales) {
            if (half) {
                bytes.putShort((short) Bf16.encode(scale));
            } else {
                bytes.putFloat(scale);
            }
        }
        return bytes.array();
    }

    /// Returns the type of scales of groups and rows.
    static DType scaleType(Arithmetic arithmetic) {
        return switch (arithmetic) {
            case MODELOPT -> DType.F32;
            case COMPRESSED_TENSORS -> DType.BF16;
        };
    }
}
