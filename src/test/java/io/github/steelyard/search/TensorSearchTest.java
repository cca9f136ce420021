package io.github.steelyard.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Percentage.withPercentage;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The search for one amax of a tensor, and for those of rows and tiles.
final class TensorSearchTest {

    private static final Multipliers GRID = Multipliers.spaced(0.25, 4, 0.1);

    @Test
    void amax_eachFormat_doesNotDependOnKernelsAndPieces() {
        for (Format format : List.of(Format.FP8, Format.NVFP4)) {
            float[] values = normal(600 * 512);
            float amax = Amax.of(values, 0, values.length);
            double[] plain = new TensorSearch(GRID, Kernels.reference()).errors(format, weights(600, values), amax);
            double[] fast = new TensorSearch(GRID, Kernels.fastest()).errors(format, weights(600, values), amax);

            assertThat(fast).as(format.name()).containsExactly(plain);
            assertThat(new TensorSearch(GRID, Kernels.fastest()).amax(format, weights(600, values), amax))
                    .isEqualTo(amax * GRID.values().get(smallest(plain)));
        }
    }

    @Test
    void errors_nvfp4_areThoseOfTheDynamicQuantizer() {
        float[] values = normal(3 * 48);
        float amax = Amax.of(values, 0, values.length);
        double[] errors = new TensorSearch(GRID, Kernels.fastest()).errors(Format.NVFP4, weights(3, values), amax);
        for (int i = 0; i < errors.length; i++) {
            float[] quantised = values.clone();
            FakeQuantizer.of(Format.NVFP4, amax * GRID.values().get(i)).apply(quantised, 0, 3, 48);
            assertThat(errors[i]).isCloseTo(error(values, quantised), withPercentage(1e-4));
        }
    }

    @Test
    void amax_severalWeights_areSearchedAsOne() {
        float[] one = normal(64 * 32);
        float[] other = normal(32 * 32);
        float[] both = Arrays.copyOf(one, 96 * 32);
        System.arraycopy(other, 0, both, 64 * 32, 32 * 32);
        float amax = Amax.of(both, 0, both.length);
        TensorSearch search = new TensorSearch(GRID, Kernels.fastest());
        assertThat(search.errors(Format.FP8, List.of(weight(64, one), weight(32, other)), amax))
                .containsExactly(search.errors(Format.FP8, weights(96, both), amax));
    }

    @Test
    void amax_formatWithoutOne_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TensorSearch(GRID, Kernels.fastest()).amax(Format.MXFP4, List.of(), 1))
                .withMessage("MXFP4 has no amax of the tensor");
    }

    @Test
    void of_rowsAndTiles_haveTheSmallestError() {
        float[] values = normal(130 * 144);
        for (Format format : List.of(Format.FP8_PER_CHANNEL, Format.FP8_BLOCK)) {
            Fp8Scales scales = new Fp8Scales(GRID, format.tile(), Kernels.fastest());
            WeightEncoder searched = new WeightEncoder(format, 1, Optional.of(scales));
            assertThat(scales.of(values, 0, 130, 144))
                    .containsExactly(new Fp8Scales(GRID, format.tile(), Kernels.reference()).of(values, 0, 130, 144));
            float[] decoded = new float[values.length];
            searched.stored(searched.encode(values, 0, 130, 144), 130, 144).decodeRows(0, 130, decoded, 0);
            for (float multiplier : GRID.values()) {
                int height = format.tile() == 0 ? 1 : 128;
                int width = format.tile() == 0 ? 144 : 128;
                float amax = amax(values, height, width) * multiplier;
                assertThat(error(values, decoded, height, width))
                        .as("%s against %s", format, multiplier)
                        .isLessThanOrEqualTo(fp8Error(values, height, width, amax) * 1.000001);
            }
        }
    }

    private static float amax(float[] values, int rows, int columns) {
        float amax = 0;
        for (int row = 0; row < rows; row++) {
            amax = Math.max(amax, Amax.of(values, row * 144, columns));
        }
        return amax;
    }

    private static double error(float[] values, float[] decoded, int rows, int columns) {
        double error = 0;
        for (int row = 0; row < rows; row++) {
            for (int i = row * 144; i < row * 144 + columns; i++) {
                error += Math.pow(values[i] - decoded[i], 2);
            }
        }
        return error;
    }

    private static double fp8Error(float[] values, int rows, int columns, float amax) {
        float[] decoded = values.clone();
        for (int i = 0; i < values.length; i++) {
            decoded[i] = E4m3.round(values[i] / Fp8.scale(amax)) * Fp8.scale(amax);
        }
        return error(values, decoded, rows, columns);
    }

    private static double error(float[] values, float[] decoded) {
        double error = 0;
        for (int i = 0; i < values.length; i++) {
            error += Math.pow(values[i] - decoded[i], 2);
        }
        return error;
    }

    private static int smallest(double[] errors) {
        int best = 0;
        for (int i = 1; i < errors.length; i++) {
            best = errors[i] < errors[best] ? i : best;
        }
        return best;
    }

    private static float[] normal(int count) {
        Random random = new Random(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static List<StoredWeight> weights(int rows, float[] values) {
        return List.of(weight(rows, values));
    }

    private static StoredWeight weight(int rows, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return new PlainWeight(MemorySegment.ofArray(bytes.array()), DType.F32, rows, values.length / rows);
    }
}
