package io.github.steelyard.format;

/// FP8 E5M2: the upper byte of an IEEE half.
///
/// ```text
/// bit   7      6 5 4 3 2   1 0
///       sign   exponent    mantissa      bias 15
/// ```
///
/// | codes        | value                              |
/// |--------------|------------------------------------|
/// | `0x00`       | 0                                  |
/// | `0x01..0x03` | `m · 2^-16`, subnormal             |
/// | `0x04..0x7b` | `(1 + m/4) · 2^(e-15)`, to 57344   |
/// | `0x7c`       | infinity                           |
/// | `0x7d..0x7f` | NaN                                |
///
/// Codes from `0x80` are the same with the sign set; `0x80` is -0.0.
///
/// Encoding rounds to nearest, ties to the even code, subnormals included. Magnitudes above 57344, infinities included,
/// saturate to 57344: the codes of infinity are read, never written. The sign is kept on zero. NaN becomes `0x7f`,
/// whatever its sign.
///
/// Source: OCP-FP8 (see `docs/SOURCES.md`).
public final class E5m2 {

    /// The largest finite magnitude, code `0x7b`.
    public static final float MAX = 57344f;

    /// The smallest positive value, `2^-16`, code `0x01`.
    public static final float MIN_POSITIVE = 0x1p-16f;

    /// The code of NaN that [#encode] gives.
    public static final int NAN_CODE = 0x7f;

    private static final int MANTISSA_BITS = 2;
    private static final int MIN_EXPONENT = -14;

    private E5m2() {}

    /// Returns the code nearest to `x`, `0..255`.
    public static int encode(float x) {
        if (Float.isNaN(x)) {
            return NAN_CODE;
        }
        int sign = (Float.floatToRawIntBits(x) >>> 31) << 7;
        return sign | SmallFloat.magnitudeCode(x, MAX, MANTISSA_BITS, MIN_EXPONENT);
    }

    /// Returns the value of the code in the low eight bits of `code`; higher bits are not read.
    public static float decode(int code) {
        return Fp16.decode((code & 0xff) << 8);
    }
}
