package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.quant.FakeQuantizer;
import java.io.ByteArrayOutputStream;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What is evaluated is what is exported: fake quantization of a weight equals decoding the bytes that an export
/// writes.
final class EncodeOnceTest {

    private static final int[][] SHAPES = {{1, 32}, {3, 96}, {129, 64}, {300, 160}, {1000, 1056}};

    @ParameterizedTest
    @EnumSource(names = {"FP8", "FP8_PER_CHANNEL", "FP8_BLOCK", "NVFP4", "MXFP4", "MXFP8"})
    void fakeQuantization_ofAWeight_equalsDecodedExport(Format format) {
        for (int[] shape : SHAPES) {
            for (boolean odd : new boolean[] {false, true}) {
                int rows = shape[0];
                int columns = shape[1] + (odd && format.fits(shape[1] + 5) ? 5 : 0);
                float[] values = values(rows * columns);
                float amax = Amax.of(values, 0, values.length);
                float[] faked = values.clone();
                FakeQuantizer.ofWeight(format, amax).apply(faked, 0, rows, columns);

                assertThat(bits(faked))
                        .as("%s [%d, %d]", format, rows, columns)
                        .isEqualTo(bits(exported(format, values, amax, rows, columns)));
            }
        }
    }

    // A server holds whole blocks only, and no scale can be made of what is no number.
    @ParameterizedTest
    @EnumSource(names = {"NVFP4", "MXFP4", "MXFP8"})
    void weight_ofPartialBlocksOrNoNumbers_isRefusedByBoth(Format format) {
        FakeQuantizer quantizer = FakeQuantizer.ofWeight(format, 1);
        float[] nan = new float[32];
        nan[7] = Float.NaN;

        assertThatIllegalArgumentException().isThrownBy(() -> quantizer.apply(new float[40], 0, 1, 40));
        assertThatIllegalArgumentException().isThrownBy(() -> quantizer.apply(nan, 0, 1, 32));
        assertThatIllegalArgumentException().isThrownBy(() -> new DecodedRows(nan, 1, 32).encode(format, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new DecodedRows(new float[40], 1, 40).encode(format, 1));
    }

    private static float[] exported(Format format, float[] values, float amax, int rows, int columns) {
        WeightEncoder encoder = WeightEncoder.ofAmax(format, amax);
        PlainWeight weight = PlainWeight.ofFloats(values, rows, columns);
        byte[] codes = bytes(new TensorContent.Codes(weight, format, encoder.scale()));
        byte[] scales = bytes(new TensorContent.Scales(weight, format, encoder.scale()));
        float[] decoded = new float[values.length];
        encoder.stored(new WeightEncoder.Encoded(codes, scales), rows, columns).decodeRows(0, rows, decoded, 0);
        return decoded;
    }

    private static byte[] bytes(TensorContent content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int piece = 0; piece < content.pieces(); piece++) {
            byte[] made = new byte[content.piece(piece).remaining()];
            content.piece(piece).get(made);
            bytes.writeBytes(made);
        }
        return bytes.toByteArray();
    }

    /// Of many magnitudes, with zeros of both signs and blocks of zeros.
    private static float[] values(int count) {
        Random random = new Random(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            float value = Math.scalb((float) random.nextGaussian(), random.nextInt(24) - 20);
            values[i] = i / 32 % 9 == 3 ? (i % 2 == 0 ? 0f : -0f) : Bf16.decode(Bf16.encode(value));
        }
        return values;
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
