package io.github.steelyard.format;

/// FP8 E4M3FN, the element type of FP8 and MXFP8 and the block scale of NVFP4.
///
/// ```text
/// bit   7      6 5 4 3    2 1 0
///       sign   exponent   mantissa      bias 7
/// ```
///
/// | codes        | value                       |
/// |--------------|-----------------------------|
/// | `0x00`       | 0                           |
/// | `0x01..0x07` | `m · 2^-9`, subnormal       |
/// | `0x08..0x7e` | `(1 + m/8) · 2^(e-7)`, to 448 |
/// | `0x7f`       | NaN                         |
///
/// Codes from `0x80` are the same with the sign set; `0x80` is -0.0. There is no infinity ("FN": finite, NaN).
///
/// Encoding rounds to nearest, ties to the even code, subnormals included. Magnitudes above 448, infinities included,
/// saturate to 448; PyTorch's cast gives NaN above 464 instead. The sign is kept on zero. NaN becomes `0x7f`, whatever
/// its sign.
///
/// Source: OCP-FP8 (see `docs/SOURCES.md`).
public final class E4m3 {

    /// The largest finite magnitude, code `0x7e`.
    public static final float MAX = 448f;

    /// The smallest positive value, `2^-9`, code `0x01`.
    public static final float MIN_POSITIVE = 0x1p-9f;

    /// The code of NaN without sign.
    public static final int NAN_CODE = 0x7f;

    private static final int MANTISSA_BITS = 3;
    private static final int MIN_EXPONENT = -6;
    private static final float[] VALUES = values();

    private E4m3() {}

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
        return VALUES[code & 0xff];
    }

    /// Returns the value of the code nearest to `x`. NaN gives NaN.
    public static float round(float x) {
        return SmallFloat.round(x, MAX, MANTISSA_BITS, MIN_EXPONENT);
    }

    private static float[] values() {
        float[] values = new float[256];
        for (int code = 0; code < 256; code++) {
            int exponent = (code >>> MANTISSA_BITS) & 0xf;
            int mantissa = code & 7;
            float magnitude = exponent == 0 ? mantissa * MIN_POSITIVE : Math.scalb(1 + mantissa / 8f, exponent - 7);
            values[code] = (code & 0x7f) == NAN_CODE ? Float.NaN : code < 0x80 ? magnitude : -magnitude;
        }
        return values;
    }
}
