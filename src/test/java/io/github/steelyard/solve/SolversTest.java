package io.github.steelyard.solve;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.search.BlockRule;
import io.github.steelyard.search.BlockSearch;
import io.github.steelyard.search.Multipliers;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.ModuleInfo;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Local Hessian and GPTQ against plain loops in float64, one block and one column after the other.
final class SolversTest {

    private static final int ROWS = 70;
    private static final int COLUMNS = 160; // more than one block of GPTQ's
    private static final int TOKENS = 400;
    private static final ModuleInfo MODULE =
            new ModuleInfo("m", ModuleInfo.Kind.LINEAR, ROWS, COLUMNS, 0, List.of("m"));

    private final float[] inputs = random(TOKENS * COLUMNS, 1);
    private final float[] values = random(ROWS * COLUMNS, 2);
    private final StaticBlocks blocks = new StaticBlocks(Amax.of(values, 0, values.length), 448);

    private Optional<StaticBlocks> planned(ModuleInfo module) {
        assertThat(module).isEqualTo(MODULE);
        return Optional.of(blocks);
    }

    static Stream<BlockRule> rules() {
        return Stream.of(
                new BlockRule.Sweep(), new BlockRule.Grid(Multipliers.spaced(0.25, 4, 0.1)), new BlockRule.Largest());
    }

    @ParameterizedTest
    @MethodSource("rules")
    void localHessian_choosesWhatAPlainLoopChooses(BlockRule rule) {
        byte[] chosen = solve(new LocalHessian(rule, this::planned), 16).get(1);

        StaticScales scales = new StaticScales(blocks.amax(), 448);
        int differing = 0;
        for (int block = 0; block < chosen.length; block++) {
            int from = block * 16;
            double best = Double.POSITIVE_INFINITY;
            float amax = 0;
            for (float candidate : candidates(rule, scales, Amax.of(values, from, 16))) {
                double loss = loss(from, scales.tried(candidate));
                if (loss < best) {
                    best = loss;
                    amax = candidate;
                }
            }
            int code = scales.written(amax);
            if (code != chosen[block]) {
                differing++; // only where two losses are as close as float32 can tell
                assertThat(loss(from, scales.tried(amax))).isLessThanOrEqualTo(best * (1 + 1e-5));
            }
        }
        assertThat(differing).isLessThan(5);
    }

    @Test
    void localHessian_withoutTokens_isTheSweepOfTheWeightAlone() {
        List<byte[]> solved = new LocalHessian(new BlockRule.Sweep(), this::planned)
                .prepare(MODULE, Optional.empty(), InputMomentsTest.desk())
                .solve(MODULE, PlainWeight.ofFloats(values, ROWS, COLUMNS), InputMomentsTest.desk());

        byte[] swept = new BlockSearch(new BlockRule.Sweep(), new StaticScales(blocks.amax(), 448), Kernels.reference())
                .of(values, 0, ROWS, COLUMNS);
        assertThat(solved.get(1)).isEqualTo(swept);
    }

    @Test
    void gptq_isThePlainRecurrence_andBetterThanRounding() {
        double rounded = outputError(decoded(withoutTokens()));
        double plain = outputError(plainGptq());

        double solved = outputError(decoded(solve(new Gptq(0.01, 128, this::planned), Observed.ALL_PRODUCTS)));

        assertThat(solved).isLessThan(0.7 * rounded).isBetween(0.97 * plain, 1.03 * plain);
    }

    @Test
    void gptq_anyBlockSize_givesNearlyTheSame() {
        double whole = outputError(decoded(solve(new Gptq(0.01, 1024, this::planned), Observed.ALL_PRODUCTS)));

        assertThat(outputError(decoded(solve(new Gptq(0.01, 7, this::planned), Observed.ALL_PRODUCTS))))
                .isBetween(0.97 * whole, 1.03 * whole);
    }

    @Test
    void gptq_withoutTokens_roundsEachWeight() {
        List<byte[]> solved = withoutTokens();

        byte[] codes = new byte[ROWS * COLUMNS / 2];
        Nvfp4.encodeCodes(values, 0, ROWS, COLUMNS, blocks.globalScale(), codes, 0, solved.get(1), 0);
        assertThat(solved.get(0)).isEqualTo(codes);
    }

    private List<byte[]> withoutTokens() {
        return new Gptq(0.01, 128, this::planned)
                .prepare(MODULE, Optional.empty(), InputMomentsTest.desk())
                .solve(MODULE, PlainWeight.ofFloats(values, ROWS, COLUMNS), InputMomentsTest.desk());
    }

    private List<byte[]> solve(Solver solver, int block) {
        InputMoments moments = new InputMoments(COLUMNS, block, 100, TOKENS);
        try (Desk desk = InputMomentsTest.desk()) {
            moments.add(inputs, 0, TOKENS, desk);
            StoredWeight weight = PlainWeight.ofFloats(values, ROWS, COLUMNS);
            return solver.prepare(MODULE, Optional.of(moments), desk).solve(MODULE, weight, desk);
        }
    }

    private float[] decoded(List<byte[]> solved) {
        float[] decoded = new float[ROWS * COLUMNS];
        new Nvfp4Weight(
                        MemorySegment.ofArray(solved.get(0)),
                        MemorySegment.ofArray(solved.get(1)),
                        ROWS,
                        COLUMNS,
                        blocks.globalScale())
                .decodeRows(0, ROWS, decoded, 0);
        return decoded;
    }

    /// Returns `Σ |X (w - q)|²`.
    private double outputError(float[] quantised) {
        double sum = 0;
        for (int token = 0; token < TOKENS; token++) {
            for (int row = 0; row < ROWS; row++) {
                double error = 0;
                for (int i = 0; i < COLUMNS; i++) {
                    error += (double) inputs[token * COLUMNS + i]
                            * (values[row * COLUMNS + i] - quantised[row * COLUMNS + i]);
                }
                sum += error * error;
            }
        }
        return sum;
    }

    private double loss(int from, float scale) {
        double[] error = new double[16];
        for (int i = 0; i < 16; i++) {
            error[i] = scale == 0
                    ? values[from + i]
                    : values[from + i] - (double) E2m1.round(values[from + i] / scale) * scale;
        }
        double sum = 0;
        for (int token = 0; token < TOKENS; token++) {
            double out = 0;
            for (int i = 0; i < 16; i++) {
                out += error[i] * inputs[token * COLUMNS + from % COLUMNS + i];
            }
            sum += out * out;
        }
        return sum;
    }

    private static float[] candidates(BlockRule rule, StaticScales scales, float amax) {
        return switch (rule) {
            case BlockRule.Largest none -> new float[] {amax};
            case BlockRule.Grid grid -> {
                float[] candidates = grid.multipliers().toArray();
                for (int i = 0; i < candidates.length; i++) {
                    candidates[i] *= amax;
                }
                yield candidates;
            }
            case BlockRule.Sweep sweep -> {
                float[] candidates = new float[126];
                for (int code = 1; code <= 126; code++) {
                    candidates[code - 1] = scales.swept(code);
                }
                yield candidates;
            }
        };
    }

    /// The recurrence as ModelOpt states it: the inverse, its upper Cholesky factor, then column by column.
    private float[] plainGptq() {
        double[] hessian = new double[COLUMNS * COLUMNS];
        for (int token = 0; token < TOKENS; token++) {
            for (int i = 0; i < COLUMNS * COLUMNS; i++) {
                hessian[i] +=
                        2.0 / TOKENS * inputs[token * COLUMNS + i / COLUMNS] * inputs[token * COLUMNS + i % COLUMNS];
            }
        }
        double mean = 0;
        for (int i = 0; i < COLUMNS; i++) {
            mean += hessian[i * COLUMNS + i] / COLUMNS;
        }
        for (int i = 0; i < COLUMNS; i++) {
            hessian[i * COLUMNS + i] += 0.01 * mean;
        }
        InverseFactor.factor(hessian, COLUMNS); // the lower factor L
        clearAbove(hessian);
        InverseFactor.invert(hessian, COLUMNS);
        double[] inverse = new double[COLUMNS * COLUMNS]; // L⁻ᵀ L⁻¹
        for (int i = 0; i < COLUMNS; i++) {
            for (int j = 0; j < COLUMNS; j++) {
                for (int k = Math.max(i, j); k < COLUMNS; k++) {
                    inverse[i * COLUMNS + j] += hessian[k * COLUMNS + i] * hessian[k * COLUMNS + j];
                }
            }
        }
        InverseFactor.factor(inverse, COLUMNS); // Uᵀ
        StaticScales scales = new StaticScales(blocks.amax(), 448);
        float[] result = new float[values.length];
        for (int row = 0; row < ROWS; row++) {
            double[] weights = new double[COLUMNS];
            for (int i = 0; i < COLUMNS; i++) {
                weights[i] = values[row * COLUMNS + i];
            }
            for (int i = 0; i < COLUMNS; i++) {
                float scale = scales.tried(Amax.of(values, row * COLUMNS + i / 16 * 16, 16));
                float rounded = E2m1.round((float) weights[i] / scale) * scale;
                result[row * COLUMNS + i] = rounded;
                double error = (weights[i] - rounded) / inverse[i * COLUMNS + i];
                for (int j = i; j < COLUMNS; j++) {
                    weights[j] -= error * inverse[j * COLUMNS + i];
                }
            }
        }
        return result;
    }

    private static void clearAbove(double[] matrix) {
        for (int i = 0; i < COLUMNS; i++) {
            for (int j = i + 1; j < COLUMNS; j++) {
                matrix[i * COLUMNS + j] = 0;
            }
        }
    }

    /// Returns values whose neighbours are correlated.
    private static float[] random(int count, int seed) {
        Random random = new Random(seed);
        float[] all = new float[count];
        float common = 0;
        for (int i = 0; i < count; i++) {
            common = i % 8 == 0 ? (float) random.nextGaussian() : common;
            all[i] = (float) random.nextGaussian() * 0.5f + common;
        }
        return all;
    }
}
