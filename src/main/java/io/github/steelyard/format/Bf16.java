package io.github.steelyard.format;

/// BF16: the upper half of a float32 (sign, 8 bits of exponent, 7 of mantissa).
///
/// Decoding is exact. Encoding rounds to nearest, ties to the even code, subnormals included; magnitudes that round
/// past the largest finite value become infinity; zeros and infinities keep their sign; a NaN keeps its sign and
/// becomes quiet.
///
/// Source: what PyTorch does with bfloat16, checked through the models that TRANSFORMERS loads (see `docs/SOURCES.md`).
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
