package io.github.steelyard.format;

/// E8M0, the block scale of the MX formats: a power of two without sign or mantissa.
///
/// | code     | value              |
/// |----------|--------------------|
/// | `0`      | `2^-127`           |
/// | `1..254` | `2^(code - 127)`   |
/// | `255`    | NaN                |
///
/// There is no zero, no sign and no infinity.
///
/// Encoding rounds **up** to the next power of two, so that the largest element of a block never saturates by more than
/// its own rounding; OCP-MX suggests rounding down, NVIDIA's tools round up. Zero becomes code 0. Positive infinity
/// and values above `2^127` saturate to code 254; NaN becomes 255.
///
/// Source: OCP-MX, scale type E8M0; MODELOPT for the direction of rounding (see `docs/SOURCES.md`).
public final class E8m0 {

    /// The code of NaN.
    public static final int NAN_CODE = 255;

    private static final int MAX_CODE = 254;
    private static final int MANTISSA_MASK = 0x7f_ffff;

    private E8m0() {}

    /// Returns the code of the smallest power of two that is not below `x`, `0..255`.
    ///
    /// @throws IllegalArgumentException if `x` is negative: E8M0 has no sign
    public static int encode(float x) {
        if (Float.isNaN(x)) {
            return NAN_CODE;
        }
        if (x < 0) {
            throw new IllegalArgumentException("negative value %s has no E8M0 code".formatted(x));
        }
        int bits = Float.floatToRawIntBits(x) & 0x7fff_ffff;
        int exponent = bits >>> 23;
        if (exponent == 0) {
            // Subnormals: code 0 is 2^-127, whose float bits are 0x00400000.
            return bits <= 0x0040_0000 ? 0 : 1;
        }
        return Math.min((bits & MANTISSA_MASK) == 0 ? exponent : exponent + 1, MAX_CODE);
    }

    /// Returns the value of the code in the low eight bits of `code`; higher bits are not read.
    public static float decode(int code) {
        int exponent = code & 0xff;
        if (exponent == NAN_CODE) {
            return Float.NaN;
        }
        return Float.intBitsToFloat(exponent == 0 ? 0x0040_0000 : exponent << 23);
    }
}
