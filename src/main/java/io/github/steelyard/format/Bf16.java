package io.github.steelyard.format;

/// BF16: the upper half of a float32 (sign, 8 bits of exponent, 7 of mantissa).
///
/// Decoding is exact. Encoding rounds to nearest, ties to the even code, subnormals included; magnitudes that round
/// past the largest finite value become infinity; zeros and infinities keep their sign; a NaN keeps its sign and
/// becomes quiet.
///
/// Source: checked against PyTorch through the reference models (see `docs/SOURCES.md`, REFS).
public final class Bf16 {

    private Bf16() {}

    /// Returns the code nearest to `x`, `0..65535`.
    public static int encode(float x) {
        int bits = Float.floatToRawIntBits(x);
        if (Float.isNaN(x)) {
            return (bits >>> 16) | 0x40;
        }
        return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
    }

    /// Returns the value of the code in the low sixteen bits of `code`; higher bits are not read.
    public static float decode(int code) {
        return Float.intBitsToFloat(code << 16);
    }
}
