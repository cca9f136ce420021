package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class IntsTest {

    // Written out by hand: scale 2 or, in BF16, 14 / 7.5 = 1.8671875.
    @Test
    void int4_ofModelOpt_liesTwoRowsInAByte() {
        float[] weights = {14, -14, 1, 3, -16, 0, 5, 7};
        WeightEncoder.Encoded encoded = int4(Arithmetic.MODELOPT, 2).encode(weights, 0, 2, 4);

        // Scales 14/7, 3/7, 16/7, 1; codes 7 -7 | 2 7 and -7 0 | 5 7.
        assertThat(encoded.codes()).containsExactly(0x97, 0x09, 0x52, 0x77);
        assertThat(int4(Arithmetic.MODELOPT, 2).stored(encoded, 2, 4)).isInstanceOf(PairedIntWeight.class);
        assertThat(decoded(int4(Arithmetic.MODELOPT, 2), encoded, 2, 4))
                .containsExactly(14, -14, 2 * (3f / 7), 7 * (3f / 7), -7 * (16f / 7), 0, 5, 7);
    }

    @Test
    void int4_ofCompressedTensors_liesEightColumnsInAWord() {
        float[] weights = {14, -14, 1, 3, 0, 0, 0, 0, 1};
        WeightEncoder encoder = int4(Arithmetic.COMPRESSED_TENSORS, 4);
        WeightEncoder.Encoded encoded = encoder.encode(weights, 0, 1, 9);

        // Scale bf16(14 / 7.5) = 1.8671875: 14 is bf16(7.498) = 7.5 of it, to the even code 8, of which there is 7
        // and -8. 2^-7 for zeros. bf16(1 / 7.5) = 0.1337890625, code 8 again.
        assertThat(encoded.codes()).containsExactly(0x0f, 0xa9, 0x88, 0x88, 0x0f, 0, 0, 0);
        assertThat(decoded(encoder, encoded, 1, 9))
                .containsExactly(
                        7 * 1.8671875f, -8 * 1.8671875f, 1.8671875f, 2 * 1.8671875f, 0, 0, 0, 0, 7 * 0x1.12p-3f);
    }

    @ParameterizedTest
    @CsvSource({"0.5, 0", "1.5, 2", "2.5, 2", "-0.5, 0", "-1.5, -2", "127.5, 127", "-127.5, -128", "-500, -128"})
    void code_halves_goToEvenCodesWithinTheRange(float quotient, float code) {
        assertThat(Ints.code(8, quotient)).isEqualTo(code);
    }

    // The plain loop over single values, from the formulas of the table.
    @ParameterizedTest
    @EnumSource
    void encoder_everyValue_isTheNearestCodeOfItsGroup(Arithmetic arithmetic) {
        int rows = 6;
        int columns = 100; // the last group of 32 is partial
        float[] weights = new float[rows * columns];
        Random random = new Random(5);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = Bf16.decode(Bf16.encode((float) random.nextGaussian()));
        }
        WeightEncoder encoder = int4(arithmetic, 32);
        float[] found = decoded(encoder, encoder.encode(weights, 0, rows, columns), rows, columns);
        for (int i = 0; i < weights.length; i++) {
            int from = i / columns * columns + i % columns / 32 * 32;
            float amax = 0;
            for (int j = from; j < Math.min(from + 32, (i / columns + 1) * columns); j++) {
                amax = Math.max(amax, Math.abs(weights[j]));
            }
            boolean half = arithmetic == Arithmetic.COMPRESSED_TENSORS;
            float scale = half ? bf16(amax / 7.5f) : amax / 7;
            float quotient = half ? bf16(weights[i] / scale) : weights[i] / scale;
            float code = (float) Math.max(-8, Math.min(7, Math.rint(quotient)));
            assertThat(found[i]).as("element %d", i).isEqualTo(code * scale);
        }
    }

    @Test
    void int8_perRow_usesTheWholeRange() {
        float[] weights = {127, -63.5f, 0.4f, 254, -254, 1};
        WeightEncoder encoder = new WeightEncoder(Format.INT8_PER_CHANNEL, Arithmetic.MODELOPT, 1, Optional.empty());
        WeightEncoder.Encoded encoded = encoder.encode(weights, 0, 2, 3);

        assertThat(encoded.codes()).containsExactly(127, -64, 0, 127, -127, 0);
        assertThat(decoded(encoder, encoded, 2, 3)).containsExactly(127, -64, 0, 254, -254, 0);
    }

    @Test
    void int8_ofTheTensor_hasItsScale() {
        float[] weights = {127, -63.5f, 0.4f, 200};
        WeightEncoder encoder = WeightEncoder.ofAmax(Format.INT8, 254);

        assertThat(encoder.scale()).isEqualTo(2);
        assertThat(encoder.encode(weights, 0, 2, 2).codes()).containsExactly(64, -32, 0, 100);
        assertThat(decoded(encoder, encoder.encode(weights, 0, 2, 2), 2, 2)).containsExactly(128, -64, 0, 200);
    }

    // Groups of two under 1 and 0.3; s2 = 7 / 448 = 1/64. 2.1 and 0.9 are 134.4 and 57.6 of it, where E4M3 has 128
    // and 56.
    @Test
    void int4RoundedToFp8_hasTheScaleOfWhatWasDecoded() {
        float[] weights = {7, -3, 2.1f, 0.9f};
        WeightEncoder encoder = new WeightEncoder(
                Format.INT4_FP8,
                2,
                Arithmetic.MODELOPT,
                Arithmetic.MODELOPT.tensorScale(Format.INT4_FP8, 7),
                Optional.empty());

        assertThat(encoder.scale()).isEqualTo(1f / 64);
        assertThat(decoded(encoder, encoder.encode(weights, 0, 1, 4), 1, 4)).containsExactly(7, -3, 2, 0.875f);
    }

    @Test
    void scale_ofZeros_isOne() {
        assertThat(Ints.scale(8, 0)).isEqualTo(1);
        assertThat(Ints.scale(4, Float.MIN_VALUE)).isEqualTo(1);
    }

    @Test
    void encoder_withoutTheSizeOfItsGroups_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new WeightEncoder(Format.INT4, Arithmetic.MODELOPT, 1, Optional.empty()))
                .withMessage("INT4 in blocks of 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new WeightEncoder(Format.NVFP4, 32, Arithmetic.MODELOPT, 1, Optional.empty()))
                .withMessage("NVFP4 in blocks of 32");
    }

    @Test
    void encoder_nonFiniteWeight_isRefused() {
        float[] weights = new float[32];
        weights[3] = Float.NaN;
        assertThatIllegalArgumentException()
                .isThrownBy(() -> int4(Arithmetic.MODELOPT, 32).encode(weights, 0, 1, 32))
                .withMessage("amax must be finite and not negative, found NaN");
    }

    private static WeightEncoder int4(Arithmetic arithmetic, int group) {
        return new WeightEncoder(Format.INT4, group, arithmetic, 1, Optional.empty());
    }

    private static float bf16(float value) {
        return Bf16.decode(Bf16.encode(value));
    }

    private static float[] decoded(WeightEncoder encoder, WeightEncoder.Encoded encoded, int rows, int columns) {
        float[] values = new float[rows * columns];
        encoder.stored(encoded, rows, columns).decodeRows(0, rows, values, 0);
        return values;
    }
}
