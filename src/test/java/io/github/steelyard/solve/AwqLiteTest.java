package io.github.steelyard.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.RowSource;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// AWQ lite against the plain loop over exponents, sequences and tokens.
final class AwqLiteTest {

    private static final int ROWS = 130;
    private static final int COLUMNS = 64;
    private static final int[] LENGTHS = {40, 3, 17}; // of sequences

    private static final ModuleInfo MODULE =
            new ModuleInfo("m", ModuleInfo.Kind.LINEAR, ROWS, COLUMNS, 0, List.of("m"));

    private final float[] values = random(ROWS * COLUMNS, 1);
    private final float[] inputs = outlying();

    @ParameterizedTest
    @EnumSource(
            value = Format.class,
            names = {"NVFP4", "INT4", "FP8"})
    void factors_areThoseOfThePlainLoop(Format format) {
        float[] found = factors(new AwqLite(0.1, (module, amax) -> Optional.of(encoder(format, amax))));

        double best = Double.POSITIVE_INFINITY;
        float[] expected = new float[COLUMNS];
        for (float alpha : AwqLite.alphas(0.1)) {
            float[] scales = plainScales(format, alpha);
            double loss = plainLoss(format, scales);
            if (loss < best) {
                best = loss;
                expected = scales;
            }
        }
        for (int i = 0; i < COLUMNS; i++) {
            assertThat(found[i]).as("channel %d", i).isCloseTo(1 / expected[i], within(1e-5f / expected[i]));
        }
        float[] ones = new float[COLUMNS];
        Arrays.fill(ones, 1);
        assertThat(best).isLessThan(0.95 * plainLoss(format, ones));
    }

    @Test
    void factors_withoutTokens_areZeros() {
        Solver solver = new AwqLite(0.1, (module, amax) -> Optional.of(encoder(Format.INT4, amax)));

        List<byte[]> solved = solver.prepare(MODULE, Optional.empty(), InputMomentsTest.desk())
                .solve(MODULE, PlainWeight.ofFloats(values, ROWS, COLUMNS), InputMomentsTest.desk());

        assertThat(solved).hasSize(1).first().isEqualTo(new byte[COLUMNS * Float.BYTES]);
    }

    // The numbers of torch.arange(0, 1 + step, step).
    @ParameterizedTest
    @CsvSource({"0.1, 11, 1", "0.05, 21, 1", "0.3, 5, 1.2", "0.07, 16, 1.05", "1, 2, 1"})
    void alphas_areThoseBelowOneAndAStep(double step, int count, float last) {
        float[] alphas = AwqLite.alphas(step);

        assertThat(alphas).hasSize(count).startsWith(0);
        assertThat(alphas[count - 1]).isCloseTo(last, within(1e-6f));
    }

    @Test
    void shares_ofAnExpertsTokens_areOnePartInThoseOfTheirSequence() {
        int[] tokens = {1, 90, 3, 4, 39, 40, 41, 42, 50, 5, 6}; // those of others before and behind
        SequenceShares shares = new SequenceShares(new long[] {0, 40, 43, 60});

        InputMoments.Shares early = shares.of(new RowSource.Routed(tokens, 2, 2, 7, false), 4);
        InputMoments.Shares late = shares.of(new RowSource.Routed(tokens, 2, 6, 7, false), 3);

        assertThat(early.of()).containsExactly(1f / 3, 1f / 3, 1f / 3, 1f / 3);
        assertThat(early.begun()).isEqualTo(2);
        assertThat(late.of()).containsExactly(1f / 3, 1f / 3, 1f);
        assertThat(late.begun()).isEqualTo(1);
        assertThat(shares.of(new RowSource.Sequence(1), 3).of()).containsExactly(1f / 3, 1f / 3, 1f / 3);
    }

    private float[] factors(AwqLite solver) {
        InputMoments moments = new InputMoments(COLUMNS, Observed.ALL_PRODUCTS, 100, 60);
        try (Desk desk = InputMomentsTest.desk()) {
            int from = 0;
            for (int length : LENGTHS) {
                float[] shares = new float[length];
                Arrays.fill(shares, 1f / length);
                moments.add(inputs, from * COLUMNS, length, new InputMoments.Shares(shares, 1), desk);
                from += length;
            }
            byte[] bytes = solver.prepare(MODULE, Optional.of(moments), desk)
                    .solve(MODULE, PlainWeight.ofFloats(values, ROWS, COLUMNS), desk)
                    .getFirst();
            float[] factors = new float[COLUMNS];
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(factors);
            return factors;
        }
    }

    private static WeightEncoder encoder(Format format, float amax) {
        return format == Format.INT4
                ? new WeightEncoder(format, 32, Arithmetic.MODELOPT, 1, Optional.empty())
                : WeightEncoder.ofAmax(format, amax);
    }

    private float[] plainScales(Format format, float alpha) {
        int block = format == Format.NVFP4 ? 16 : format == Format.INT4 ? 32 : COLUMNS;
        float[] scales = new float[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            double magnitude = 0;
            int token = 0;
            for (int length : LENGTHS) {
                double sum = 0;
                for (int t = 0; t < length; t++) {
                    sum += Math.abs(inputs[token++ * COLUMNS + i]);
                }
                magnitude += sum / length / LENGTHS.length;
            }
            double share = 0;
            for (int row = 0; row < ROWS; row++) {
                int from = row * COLUMNS + i / block * block;
                share += Math.abs(values[row * COLUMNS + i]) / Amax.of(values, from, block) / ROWS;
            }
            scales[i] = (float) Math.clamp(Math.pow(magnitude, alpha) / Math.pow(share, 1 - alpha), 1e-4, 1e4);
        }
        float[] sorted = scales.clone();
        Arrays.sort(sorted);
        float middle = (float) Math.sqrt((double) sorted[0] * sorted[COLUMNS - 1]);
        for (int i = 0; i < COLUMNS; i++) {
            scales[i] /= middle;
        }
        return scales;
    }

    private double plainLoss(Format format, float[] scales) {
        float[] coded = new float[ROWS * COLUMNS];
        for (int i = 0; i < coded.length; i++) {
            coded[i] = values[i] * scales[i % COLUMNS];
        }
        WeightEncoder encoder = encoder(format, Amax.of(coded, 0, coded.length));
        encoder.stored(encoder.encode(coded, 0, ROWS, COLUMNS), ROWS, COLUMNS).decodeRows(0, ROWS, coded, 0);
        double loss = 0;
        int token = 0;
        for (int length : LENGTHS) {
            double sum = 0;
            for (int t = 0; t < length; t++, token++) {
                for (int row = 0; row < ROWS; row++) {
                    double difference = 0;
                    for (int i = 0; i < COLUMNS; i++) {
                        int at = row * COLUMNS + i;
                        difference += inputs[token * COLUMNS + i] * (coded[at] / (double) scales[i] - values[at]);
                    }
                    sum += difference * difference;
                }
            }
            loss += sum / length / ROWS;
        }
        return loss;
    }

    /// A few channels are much larger than the others, as in language models.
    private static float[] outlying() {
        float[] values = random(60 * COLUMNS, 2);
        for (int i = 0; i < values.length; i++) {
            values[i] *= i % COLUMNS % 13 == 0 ? 20 : 1;
        }
        return values;
    }

    private static float[] random(int count, int seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
