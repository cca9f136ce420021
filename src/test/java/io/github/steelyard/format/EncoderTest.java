package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class EncoderTest {

    private static float[] random(int count) {
        Random random = new Random(7);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @Test
    void nvfp4_zeroTensor_hasFiniteScalesAndZeroCodes() {
        byte[] codes = new byte[16];
        byte[] scales = new byte[2];
        float globalScale = Nvfp4.globalScale(0);
        Nvfp4.encodeRows(new float[32], 0, 1, 32, globalScale, codes, 0, scales, 0);
        assertThat(globalScale).isEqualTo(1f);
        assertThat(E4m3.decode(scales[0])).isEqualTo(1f);
        assertThat(codes).containsOnly(0);
    }

    @Test
    void nvfp4_amaxTooSmallForAScale_isTreatedAsZero() {
        assertThat(Nvfp4.globalScale(Float.MIN_VALUE)).isEqualTo(1f);
    }

    @Test
    void scales_impossibleAmax_areRejected() {
        for (float amax : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1}) {
            String message = "amax must be finite and not negative, found " + amax;
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Nvfp4.globalScale(amax))
                    .withMessage(message);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Nvfp4.inputScale(amax))
                    .withMessage(message);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Fp8.scale(amax))
                    .withMessage(message);
        }
    }

    @Test
    void encoders_nonFiniteWeight_isRejected() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            float[] weights = random(32);
            weights[9] = bad;
            byte[] codes = new byte[32];
            byte[] scales = new byte[2];
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Nvfp4.encodeRows(weights, 0, 1, 32, 1, codes, 0, scales, 0));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Mx.encodeFp8Rows(weights, 0, 1, 32, codes, 0, scales, 0));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Fp8.encodeChannels(weights, 0, 1, 32, codes, 0, new float[1], 0));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Fp8.encodeBlocks(weights, 0, 1, 32, codes, 0, new float[1], 0));
        }
    }

    // Two halves of a block of 32 have the scale of the larger: what blocks of 16 have whose amaxes are equal.
    @Test
    void nvfp4InBlocksOf32_hasTheScaleOfTheLargerHalf() {
        float[] weights = random(4 * 64);
        float amax = Amax.of(weights, 0, weights.length);
        WeightEncoder encoder = WeightEncoder.ofAmax(Format.NVFP4_32, amax);
        WeightEncoder.Encoded encoded = encoder.encode(weights, 0, 4, 64);
        float[] found = new float[weights.length];
        encoder.stored(encoded, 4, 64).decodeRows(0, 4, found, 0);

        assertThat(encoded.scales()).hasSize(8);
        for (int i = 0; i < weights.length; i++) {
            float block = Amax.of(weights, i / 32 * 32, 32);
            float scale = E4m3.decode(Nvfp4.blockScale(block, encoder.scale())) * encoder.scale();
            assertThat(found[i]).as("element %d", i).isEqualTo(E2m1.round(weights[i] / scale) * scale + 0f);
        }
    }

    @Test
    void nvfp4_columnsNotInBlocks_areRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Nvfp4.encodeRows(new float[24], 0, 1, 24, 1, new byte[12], 0, new byte[2], 0))
                .withMessage("NVFP4 weight: expected a multiple of 16 columns, found [1, 24]");
    }

    @Test
    void fp8Channels_eachRow_usesItsWholeRange() {
        float[] weights = {1, -2, 0.5f, 100, 50, 25, 0, 0, 0};
        byte[] codes = new byte[9];
        float[] scales = new float[3];
        Fp8.encodeChannels(weights, 0, 3, 3, codes, 0, scales, 0);
        assertThat(scales).containsExactly(2f / 448, 100f / 448, 1f);
        PlainWeight channel = PlainWeight.ofFloats(scales, 3, 1);
        float[] values = new float[9];
        Fp8Weight.perChannel(MemorySegment.ofArray(codes), DType.F8_E4M3, 3, 3, channel)
                .decodeRows(0, 3, values, 0);
        assertThat(values).containsExactly(1, -2, 0.5f, 100, 50, 25, 0, 0, 0);
    }

    @Test
    void fp8Blocks_raggedMatrix_hasOneScalePerBlockAndKeepsEachAmax() {
        int rows = 130;
        int columns = 200;
        float[] weights = random(rows * columns);
        weights[129 * columns + 199] = 77; // the smallest block, bottom right
        byte[] codes = new byte[rows * columns];
        float[] scales = new float[4];
        Fp8.encodeBlocks(weights, 0, rows, columns, codes, 0, scales, 0);
        assertThat(scales[3]).isEqualTo(77f / 448);
        assertThat(scales[0]).isLessThan(0.02f);
        float[] values = new float[rows * columns];
        Fp8Weight.blocks(MemorySegment.ofArray(codes), DType.F8_E4M3, rows, columns, PlainWeight.ofFloats(scales, 2, 2))
                .decodeRows(0, rows, values, 0);
        assertThat(values[129 * columns + 199]).isEqualTo(77f);
        for (int i = 0; i < values.length; i++) {
            assertThat(Math.abs(values[i] - weights[i])).isLessThanOrEqualTo(Math.abs(weights[i]) / 16 + 1e-4f);
        }
    }

    @Test
    void mx_zeroBlock_hasScaleCodeZero() {
        byte[] codes = new byte[32];
        byte[] scales = {1};
        Mx.encodeFp8Rows(new float[32], 0, 1, 32, codes, 0, scales, 0);
        assertThat(scales).containsExactly(0);
        assertThat(codes).containsOnly(0);
    }

    @Test
    void mx_scale_roundsUp() {
        assertThat(Mx.scaleCode(6, 6)).isEqualTo(127);
        assertThat(Mx.scaleCode(Math.nextUp(6f), 6)).isEqualTo(128);
        assertThat(Mx.scaleCode(448, 448)).isEqualTo(127);
        assertThat(Mx.scaleCode(449, 448)).isEqualTo(128);
    }

    @Test
    void mxfp4_everyTie_dependsOnTheRounding() {
        float[] weights = new float[32];
        float[] ties = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5};
        System.arraycopy(ties, 0, weights, 1, ties.length);
        weights[31] = 6; // scale 1
        weights[30] = Math.nextUp(0.25f);
        weights[29] = Math.nextUp(0.75f);
        assertThat(mxfp4(weights, Mx.Fp4Rounding.NEAREST_EVEN))
                .startsWith(0, 0, 2, 2, 4, 4, 6, 6)
                .endsWith(2, 1, 7);
        assertThat(mxfp4(weights, Mx.Fp4Rounding.MODELOPT_EXPORT))
                .startsWith(8, 0, 1, 2, 3, 4, 5, 6)
                .endsWith(2, 1, 7);
    }

    private static int[] mxfp4(float[] weights, Mx.Fp4Rounding rounding) {
        byte[] codes = new byte[16];
        Mx.encodeFp4Rows(weights, 0, 1, 32, rounding, codes, 0, new byte[1], 0);
        MemorySegment memory = MemorySegment.ofArray(codes);
        int[] nibbles = new int[32];
        Arrays.setAll(nibbles, i -> StoredElements.nibble(memory, i));
        return nibbles;
    }

    @Test
    void cast_blocksInReach_keepEveryCodeAndValue() {
        byte[] codes = new byte[3 * 16];
        new Random(3).nextBytes(codes);
        byte[] scales = {(byte) 140, (byte) 123, (byte) 0};
        checkCast(codes, scales, true);
    }

    @Test
    void cast_blockOutOfReach_isRoundedAnew() {
        byte[] codes = new byte[2 * 16];
        Arrays.fill(codes, (byte) 0x77);
        byte[] scales = {(byte) 145, (byte) 127};
        float[] values = checkCast(codes, scales, false);
        // 6 · 2^0 in units of 2^-9 · 2^(18 - 8) = 2: code 3, kept, since a block one step out still has room.
        assertThat(values[32]).isEqualTo(6f);
    }

    @Test
    void cast_largestScale_doesNotOverflow() {
        byte[] codes = new byte[16];
        Arrays.fill(codes, (byte) 0x11);
        checkCast(codes, new byte[] {(byte) 254}, true);
    }

    private static float[] checkCast(byte[] codes, byte[] scales, boolean lossless) {
        int columns = codes.length * 2;
        MxWeight source = MxWeight.mxfp4(MemorySegment.ofArray(codes), MemorySegment.ofArray(scales), 1, columns);
        Mxfp4ToNvfp4.Exponents exponents = Mxfp4ToNvfp4.Exponents.of(source.scales());
        byte[] castCodes = new byte[codes.length];
        byte[] castScales = new byte[columns / 16];
        Mxfp4ToNvfp4.castRows(source, 0, 1, exponents, castCodes, 0, castScales, 0);
        float[] values = new float[columns];
        new Nvfp4Weight(
                        MemorySegment.ofArray(castCodes),
                        MemorySegment.ofArray(castScales),
                        1,
                        columns,
                        exponents.globalScale())
                .decodeRows(0, 1, values, 0);
        assertThat(exponents.losslessBlocks() == scales.length).isEqualTo(lossless);
        if (lossless) {
            float[] original = new float[columns];
            source.decodeRows(0, 1, original, 0);
            for (int i = 0; i < columns; i++) {
                float expected = scales[i / 32] == 0 ? 0 : original[i];
                assertThat(values[i]).as("column %d", i).isEqualTo(expected);
            }
        }
        return values;
    }

    @Test
    void cast_gateAndUp_shareTheLargerExponent() {
        Mxfp4ToNvfp4.Exponents gate = Mxfp4ToNvfp4.Exponents.of(MemorySegment.ofArray(new byte[] {120, 121}));
        Mxfp4ToNvfp4.Exponents up = Mxfp4ToNvfp4.Exponents.of(MemorySegment.ofArray(new byte[] {0, 125}));
        Mxfp4ToNvfp4.Exponents both = gate.and(up);
        assertThat(both.largest()).isEqualTo(-2);
        assertThat(both.smallest()).isEqualTo(-7);
        assertThat(both.globalScale()).isEqualTo((float) Math.pow(2, -10));
        assertThat(both.losslessBlocks()).isEqualTo(4);
    }

    @Test
    void cast_nanScale_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mxfp4ToNvfp4.Exponents.of(MemorySegment.ofArray(new byte[] {5, -1})))
                .withMessage("MXFP4 block 1: scale is NaN");
    }
}
