package io.github.steelyard.layout;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.format.Format;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.quant.FakeQuantizer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class DecodedRowsTest {

    // A server holds whole blocks only, and no scale can be made of what is no number.
    @ParameterizedTest
    @EnumSource(names = {"NVFP4", "MXFP4", "MXFP8"})
    void weight_ofPartialBlocksOrNoNumbers_isRefusedByBoth(Format format) {
        FakeQuantizer quantizer = FakeQuantizer.ofWeight(format, 1);
        WeightEncoder encoder = WeightEncoder.ofAmax(format, 1);
        float[] nan = new float[32];
        nan[7] = Float.NaN;

        assertThatIllegalArgumentException().isThrownBy(() -> quantizer.apply(new float[40], 0, 1, 40));
        assertThatIllegalArgumentException().isThrownBy(() -> quantizer.apply(nan, 0, 1, 32));
        assertThatIllegalArgumentException().isThrownBy(() -> new DecodedRows(nan, 1, 32).encode(encoder));
        assertThatIllegalArgumentException().isThrownBy(() -> new DecodedRows(new float[40], 1, 40).encode(encoder));
    }
}
