package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;

/// What all codecs share: the encoder equals a search for the nearest code, on every code, every midpoint with its
/// neighbours, every BF16 value and a million random floats.
final class CodecTest {

    /// @param finite the codes of the values `>= 0`, ascending from zero to the largest finite value
    private record Codec(String name, ToIntFunction<Float> encode, IntToDoubleFunction decode, int finite, int sign) {

        /// The specification: the nearest value, ties to the even code, saturating, sign bit from the float.
        int nearest(float x) {
            double magnitude = Math.min(Math.abs((double) x), decode.applyAsDouble(finite - 1));
            int best = 0;
            for (int code = 1; code < finite; code++) {
                double error = Math.abs(decode.applyAsDouble(code) - magnitude);
                double bestError = Math.abs(decode.applyAsDouble(best) - magnitude);
                if (error < bestError || (error == bestError && code % 2 == 0)) {
                    best = code;
                }
            }
            return isNegative(x) ? best | sign : best;
        }

        private boolean isNegative(float x) {
            return name.equals("E2M1") ? x < 0 : Float.floatToRawIntBits(x) < 0;
        }

        void check(float x) {
            assertThat(encode.applyAsInt(x)).as("%s code of %s", name, x).isEqualTo(nearest(x));
        }
    }

    private static final Codec[] CODECS = {
        new Codec("E2M1", E2m1::encode, E2m1::decode, 8, 8),
        new Codec("E4M3", E4m3::encode, E4m3::decode, 127, 128),
        new Codec("E5M2", E5m2::encode, E5m2::decode, 124, 128),
    };

    @Test
    void encode_everyMidpointAndNeighbours_isNearest() {
        for (Codec codec : CODECS) {
            for (int code = 0; code + 1 < codec.finite(); code++) {
                float middle = (float)
                        ((codec.decode().applyAsDouble(code) + codec.decode().applyAsDouble(code + 1)) / 2);
                for (float x : new float[] {middle, Math.nextUp(middle), Math.nextDown(middle)}) {
                    codec.check(x);
                    codec.check(-x);
                }
            }
        }
    }

    @Test
    void encode_everyBf16Value_isNearest() {
        for (Codec codec : CODECS) {
            for (int bits = 0; bits < 0x10000; bits++) {
                float x = Bf16.decode(bits);
                if (Float.isFinite(x)) {
                    codec.check(x);
                }
            }
        }
    }

    @Test
    void encode_randomBitPatterns_isNearest() {
        java.util.Random random = new java.util.Random(20260821);
        for (Codec codec : CODECS) {
            for (int i = 0; i < 20_000; i++) {
                float x = Float.intBitsToFloat(random.nextInt());
                if (Float.isFinite(x)) {
                    codec.check(x);
                }
                // Random exponents mostly saturate or vanish; these lie on the grid.
                codec.check((float) (random.nextGaussian() * codec.decode().applyAsDouble(codec.finite() / 2)));
            }
        }
    }

    @Test
    void encode_outsideTheRange_saturates() {
        for (Codec codec : CODECS) {
            for (float x : new float[] {Float.MAX_VALUE, Float.POSITIVE_INFINITY, 1e30f}) {
                assertThat(codec.encode().applyAsInt(x)).as(codec.name()).isEqualTo(codec.finite() - 1);
                assertThat(codec.encode().applyAsInt(-x))
                        .as(codec.name())
                        .isEqualTo((codec.finite() - 1) | codec.sign());
            }
        }
    }

    @Test
    void round_everyBf16Value_equalsDecodeOfEncode() {
        for (int bits = 0; bits < 0x10000; bits++) {
            float x = Bf16.decode(bits);
            if (!Float.isNaN(x)) {
                assertThat(E4m3.round(x)).as("E4M3 %s", x).isEqualTo(E4m3.decode(E4m3.encode(x)));
                float e2m1 = E2m1.decode(E2m1.encode(x));
                // round keeps the sign of zero, the codec does not.
                assertThat(E2m1.round(x) + 0f).as("E2M1 %s", x).isEqualTo(e2m1 + 0f);
            }
        }
        assertThat(E4m3.round(Float.NaN)).isNaN();
        assertThat(E2m1.round(Float.NaN)).isNaN();
    }

    @Test
    void e2m1_everyCode_roundTripsExceptNegativeZero() {
        for (int code = 0; code < 16; code++) {
            assertThat(E2m1.encode(E2m1.decode(code))).as("code %d", code).isEqualTo(code == 8 ? 0 : code);
        }
    }

    @Test
    void e2m1_zeroes_takeTheSignOfNonzeroInputsOnly() {
        assertThat(E2m1.encode(0f)).isZero();
        assertThat(E2m1.encode(-0f)).isZero();
        assertThat(E2m1.encode(-Float.MIN_VALUE)).isEqualTo(8);
        assertThat(E2m1.encode(Float.MIN_VALUE)).isZero();
    }

    @Test
    void e2m1_nan_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> E2m1.encode(Float.NaN))
                .withMessage("NaN has no E2M1 code");
    }

    @Test
    void e4m3AndE5m2_everyCode_roundTrips() {
        for (int code = 0; code < 256; code++) {
            if ((code & 0x7f) == 0x7f) {
                assertThat(E4m3.decode(code)).isNaN();
            } else {
                assertThat(E4m3.encode(E4m3.decode(code))).as("E4M3 %d", code).isEqualTo(code);
            }
            float e5m2 = E5m2.decode(code);
            if (Float.isFinite(e5m2)) {
                assertThat(E5m2.encode(e5m2)).as("E5M2 %d", code).isEqualTo(code);
            }
        }
        assertThat(E4m3.encode(Float.NaN)).isEqualTo(0x7f);
        assertThat(E5m2.encode(Float.NaN)).isEqualTo(0x7f);
        assertThat(E5m2.decode(0x7c)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(E5m2.decode(0xfc)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(E5m2.decode(0x7d)).isNaN();
    }

    @Test
    void codecs_extremes_haveTheirPublishedValues() {
        assertThat(E4m3.decode(0x7e)).isEqualTo(E4m3.MAX).isEqualTo(448f);
        assertThat(E4m3.decode(1)).isEqualTo(E4m3.MIN_POSITIVE).isEqualTo(0.001953125f);
        assertThat(E4m3.decode(8)).isEqualTo(0.015625f);
        assertThat(E5m2.decode(0x7b)).isEqualTo(E5m2.MAX).isEqualTo(57344f);
        assertThat(E5m2.decode(1)).isEqualTo(E5m2.MIN_POSITIVE);
        assertThat(E2m1.decode(7)).isEqualTo(E2m1.MAX);
    }

    @Test
    void e8m0_everyCode_roundTripsAndRoundsUp() {
        for (int code = 0; code < 255; code++) {
            float value = E8m0.decode(code);
            assertThat((double) value).isEqualTo(Math.pow(2, code - 127));
            assertThat(E8m0.encode(value)).as("code %d", code).isEqualTo(code);
            assertThat(E8m0.encode(Math.nextUp(value))).isEqualTo(Math.min(code + 1, 254));
            assertThat(E8m0.encode(Math.nextDown(value))).isEqualTo(code);
        }
        assertThat(E8m0.decode(255)).isNaN();
        assertThat(E8m0.encode(Float.NaN)).isEqualTo(255);
        assertThat(E8m0.encode(0f)).isZero();
        assertThat(E8m0.encode(Float.POSITIVE_INFINITY)).isEqualTo(254);
    }

    @Test
    void e8m0_negative_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> E8m0.encode(-1f))
                .withMessage("negative value -1.0 has no E8M0 code");
    }

    @Test
    void bf16_everyCode_roundTrips() {
        for (int code = 0; code < 0x10000; code++) {
            float value = Bf16.decode(code);
            if (!Float.isNaN(value)) {
                assertThat(Bf16.encode(value)).as("code %x", code).isEqualTo(code);
            } else {
                assertThat(Bf16.encode(value)).as("NaN %x", code).isEqualTo(code | 0x40);
            }
        }
    }

    @Test
    void bf16_midpointsAndNeighbours_roundToEven() {
        for (int code = 0; code < 0x7f80; code++) {
            float tie = Float.intBitsToFloat((code << 16) | 0x8000);
            int even = code % 2 == 0 ? code : code + 1;
            for (int sign : new int[] {0, 0x8000}) {
                float signed = sign == 0 ? tie : -tie;
                assertThat(Bf16.encode(signed)).as("%s", signed).isEqualTo(even | sign);
                float down = Float.intBitsToFloat(Float.floatToRawIntBits(signed) - 1);
                float up = Float.intBitsToFloat(Float.floatToRawIntBits(signed) + 1);
                assertThat(Bf16.encode(down)).isEqualTo(code | sign);
                assertThat(Bf16.encode(up)).isEqualTo((code + 1) | sign);
            }
        }
    }

    @Test
    void fp16_everyCode_roundTripsAndTiesGoToEven() {
        for (int code = 0; code < 0x10000; code++) {
            float value = Fp16.decode(code);
            if (!Float.isNaN(value)) {
                assertThat(Fp16.encode(value)).as("code %x", code).isEqualTo(code);
            }
        }
        for (int code = 0; code < 0x7bff; code++) {
            float tie = (Fp16.decode(code) + Fp16.decode(code + 1)) / 2;
            assertThat(Fp16.encode(tie)).isEqualTo(code % 2 == 0 ? code : code + 1);
        }
        assertThat(Fp16.encode(65520f)).isEqualTo(0x7c00);
        assertThat(Fp16.encode(Math.nextDown(65520f))).isEqualTo(0x7bff);
    }

    @Test
    void e2m1Table_isTheOneOfThePaper() {
        float[] values = new float[16];
        Arrays.setAll(new int[16], i -> {
            values[i] = E2m1.decode(i);
            return i;
        });
        assertThat(values).containsExactly(0f, .5f, 1f, 1.5f, 2f, 3f, 4f, 6f, 0f, -.5f, -1f, -1.5f, -2f, -3f, -4f, -6f);
    }
}
