package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// What a format says of itself against what the encoder makes.
final class FormatTest {

    private static final int ROWS = 130;
    private static final int COLUMNS = 160;

    // Written out by hand, for a weight of 130 x 160.
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            PLAIN             | BF16    | [130, 160] | 16   | 41600 | false | false | false
            FP8               | F8_E4M3 | [130, 160] | 8    | 20804 | true  | true  | true
            FP8_PER_CHANNEL   | F8_E4M3 | [130, 160] | 8    | 21320 | false | true  | false
            FP8_BLOCK         | F8_E4M3 | [130, 160] | 8    | 20816 | false | true  | false
            FP8_DYNAMIC_TOKEN | F8_E4M3 | [130, 160] | 8    | 21320 | false | false | true
            FP8_DYNAMIC_GROUP | F8_E4M3 | [130, 160] | 8    | 21840 | false | false | true
            NVFP4             | U8      | [130, 80]  | 4.5  | 11704 | true  | true  | true
            NVFP4_32          | U8      | [130, 80]  | 4.25 | 11054 | true  | true  | true
            INT4_FP8          | I32     | [130, 20]  | 4.5  | 11704 | true  | true  | false
            MXFP4             | U8      | [130, 80]  | 4.25 | 11050 | false | true  | true
            MXFP8             | F8_E4M3 | [130, 160] | 8.25 | 21450 | false | true  | true
            INT4              | I32     | [130, 20]  | 4.5  | 11700 | false | true  | false
            INT8              | I8      | [130, 160] | 8    | 20804 | true  | true  | true
            INT8_PER_CHANNEL  | I8      | [130, 160] | 8    | 21320 | false | true  | false
            INT8_DYNAMIC_TOKEN | I8     | [130, 160] | 8    | 21320 | false | false | true
            INT8_GROUPS       | I32     | [130, 40]  | 8.5  | 22100 | false | false | false
            """)
    void format_saysWhatAWeightTakes(
            Format format,
            DType dtype,
            String shape,
            double bits,
            long bytes,
            boolean tensorScale,
            boolean written,
            boolean activations) {
        assertThat(format.codeType()).isEqualTo(dtype);
        assertThat(format.codeShape(ROWS, COLUMNS)).hasToString(shape);
        assertThat(format.bitsPerWeight()).isEqualTo(bits);
        assertThat(format.bytes(ROWS, COLUMNS)).isEqualTo(bytes);
        assertThat(format.hasTensorScale()).isEqualTo(tensorScale);
        assertThat(format.isWritten()).isEqualTo(written);
        assertThat(format.isOfActivations()).isEqualTo(activations);
    }

    @ParameterizedTest
    @EnumSource
    void encoder_makesTheBytesThatTheFormatSays_orRefuses(Format format) {
        float[] values = new float[ROWS * COLUMNS];
        Random random = new Random(1);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Arithmetic arithmetic = format.hasOpenBlock() ? Arithmetic.COMPRESSED_TENSORS : Arithmetic.MODELOPT;
        WeightEncoder encoder = new WeightEncoder(
                format,
                format.hasOpenBlock() ? 32 : format.block(),
                arithmetic,
                arithmetic.tensorScale(format, Amax.of(values, 0, values.length)),
                Optional.empty());
        if (!format.isWritten()) {
            assertThatIllegalArgumentException().isThrownBy(() -> encoder.encode(values, 0, ROWS, COLUMNS));
            return;
        }
        WeightEncoder.Encoded encoded = encoder.encode(values, 0, ROWS, COLUMNS);
        Shape codes = format.codeShape(ROWS, COLUMNS);
        Shape scales = format.scaleShape(ROWS, COLUMNS);

        assertThat(encoded.codes())
                .hasSize(Math.toIntExact(codes.elements() * format.codeType().bits() / Byte.SIZE));
        assertThat(encoded.scales())
                .hasSize(
                        format.hasPartScales()
                                ? Math.toIntExact(
                                        scales.elements() * format.scaleType().bits() / Byte.SIZE)
                                : 0);
        long tensorScale = format.hasTensorScale() ? Float.BYTES : 0;
        assertThat(encoded.codes().length + encoded.scales().length + tensorScale)
                .isEqualTo(format.bytes(ROWS, COLUMNS));
    }

    @Test
    void blocks_fitWholeOnly() {
        assertThat(Arrays.stream(Format.values()).filter(format -> !format.fits(24)))
                .containsExactly(Format.NVFP4, Format.NVFP4_32, Format.MXFP4, Format.MXFP8);
        assertThat(Arrays.stream(Format.values()).filter(format -> !format.fits(16)))
                .containsExactly(Format.NVFP4_32, Format.MXFP4, Format.MXFP8);
        assertThat(Arrays.stream(Format.values())).allMatch(format -> format.fits(160));
    }
}
