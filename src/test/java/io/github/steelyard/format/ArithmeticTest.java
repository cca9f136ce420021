package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// What compressed-tensors does otherwise. Whole weights are held against llm-compressor's in
/// `CompressedTensorsGoldenTest`.
final class ArithmeticTest {

    // 2688 / 3.7 is 726.4865, and its neighbour by the reciprocal.
    @Test
    void tensorScale_nvfp4_isTheReciprocalFirst() {
        float amax = 0.0123f;

        assertThat(Arithmetic.COMPRESSED_TENSORS.tensorScale(Format.NVFP4, amax))
                .isEqualTo(2688f * (1 / amax));
        assertThat(Arithmetic.COMPRESSED_TENSORS.tensorScale(Format.NVFP4, 0)).isEqualTo(1);
        assertThat(Arithmetic.COMPRESSED_TENSORS.tensorScale(Format.FP8, 448)).isEqualTo(1);
        assertThat(Arithmetic.MODELOPT.tensorScale(Format.NVFP4, amax)).isEqualTo(amax / 2688);
    }

    @Test
    void nvfp4_blockOfZeros_hasTheScaleOfAnEighth() {
        float[] values = new float[32];
        values[20] = 6;

        WeightEncoder.Encoded encoded = WeightEncoder.ofAmax(Format.NVFP4, Arithmetic.COMPRESSED_TENSORS, 6)
                .encode(values, 0, 1, 32);

        assertThat(encoded.scales()).containsExactly(E4m3.encode(0.125f), E4m3.encode(448));
        assertThat(encoded.codes()[10]).isEqualTo((byte) 7);
    }

    // From 1.75 on the next power of two; ModelOpt's scale is never below what the largest needs.
    @ParameterizedTest
    @CsvSource({"4, 127, 127", "6.5, 127, 128", "6.99, 127, 128", "7, 128, 128", "0, 0, 0"})
    void mxfp4_scale_isRoundedUpFromSevenQuartersOn(float amax, int near, int up) {
        float[] values = new float[32];
        values[3] = amax;

        assertThat(WeightEncoder.ofAmax(Format.MXFP4, Arithmetic.COMPRESSED_TENSORS, 0)
                        .encode(values, 0, 1, 32)
                        .scales())
                .containsExactly(near);
        assertThat(WeightEncoder.ofAmax(Format.MXFP4, 0)
                        .encode(values, 0, 1, 32)
                        .scales())
                .containsExactly(up);
    }

    @ParameterizedTest
    @EnumSource(names = {"FP8", "FP8_PER_CHANNEL", "FP8_BLOCK", "MXFP8"})
    void fp8_negativeZero_hasTheCodeOfZero_andTinyNegativesKeepTheirSign(Format format) {
        float[] values = new float[32];
        values[0] = -0f;
        values[1] = -1e-9f;
        values[2] = 448;

        byte[] theirs = WeightEncoder.ofAmax(format, Arithmetic.COMPRESSED_TENSORS, 448)
                .encode(values, 0, 1, 32)
                .codes();
        byte[] modelOpt =
                WeightEncoder.ofAmax(format, 448).encode(values, 0, 1, 32).codes();

        assertThat(theirs).startsWith(0, 0x80);
        assertThat(modelOpt).startsWith(0x80, 0x80);
    }

    // What is searched for is chosen in ModelOpt's arithmetic; the codes under it are this one's.
    @Test
    void nvfp4_givenScales_areUsedInEitherOrder() {
        float[] values = new float[16];
        values[0] = 3;
        byte scale = (byte) E4m3.encode(224);
        float global = Arithmetic.COMPRESSED_TENSORS.tensorScale(Format.NVFP4, 6);

        WeightEncoder.Encoded encoded = new WeightEncoder(
                        Format.NVFP4,
                        Arithmetic.COMPRESSED_TENSORS,
                        global,
                        Optional.of((weights, offset, rows, columns) -> new byte[] {scale}))
                .encode(values, 0, 1, 16);

        assertThat(encoded.scales()).containsExactly(scale);
        assertThat(encoded.codes()[0]).isEqualTo((byte) 7);
    }
}
