package io.github.steelyard.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.kernel.Kernels;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The fast search against the plain loops, on blocks of every kind that has a rule of its own.
final class BlockSearchTest {

    private static final int COLUMNS = 16 * 37;
    private static final int ROWS = 4;

    static Stream<BlockRule> rules() {
        return Stream.of(
                new BlockRule.Largest(),
                new BlockRule.Grid(Multipliers.spaced(0.25, 4, 0.1)),
                new BlockRule.Grid(Multipliers.spaced(1, 1.5, 0.5)),
                new BlockRule.Sweep());
    }

    @ParameterizedTest
    @MethodSource("rules")
    void amaxes_anyBlocks_areThoseOfTheLoops(BlockRule rule) {
        for (Kind kind : Kind.values()) {
            for (float largest : new float[] {E4m3.MAX, StaticScales.FOUR_OVER_SIX}) {
                float[] values = kind.values(new Random(7), ROWS * COLUMNS);
                float amax = kind.globalAmax(Amax.of(values, 0, values.length));
                StaticScales scales = new StaticScales(amax, largest);
                float[] wanted = new float[values.length / 16];
                for (int i = 0; i < wanted.length; i++) {
                    wanted[i] = ReferenceBlockSearch.amax(rule, scales, values, 16 * i);
                }
                for (Kernels kernels : List.of(Kernels.reference(), Kernels.fastest())) {
                    assertThat(new BlockSearch(rule, scales, kernels).amaxes(values, 0, ROWS, COLUMNS))
                            .as("%s under %s with %s", kind, largest, kernels.name())
                            .containsExactly(wanted);
                }
            }
        }
    }

    @Test
    void of_rowsOneByOne_areThoseOfAllTogether() {
        float[] values = Kind.NORMAL.values(new Random(3), ROWS * COLUMNS);
        BlockSearch search = new BlockSearch(
                new BlockRule.Sweep(), new StaticScales(Amax.of(values, 0, values.length), 448), Kernels.fastest());
        byte[] together = search.of(values, 0, ROWS, COLUMNS);
        for (int row = 0; row < ROWS; row++) {
            byte[] alone = search.of(values, row * COLUMNS, 1, COLUMNS);
            for (int i = 0; i < alone.length; i++) {
                assertThat(alone[i]).isEqualTo(together[row * alone.length + i]);
            }
        }
    }

    @Test
    void of_sweep_writesTheCodeThatWasTried() {
        Random random = new Random(11);
        for (int i = 0; i < 2000; i++) {
            StaticScales scales = new StaticScales((float) Math.exp(40 * random.nextDouble() - 30), 448);
            for (int code = 1; code <= 126; code++) {
                assertThat(scales.written(scales.swept(code))).isEqualTo(code);
            }
        }
    }

    @Test
    void of_zeros_haveTheScalesOfModelOpt() {
        float[] values = new float[32];
        values[3] = 2;
        assertThat(search(new BlockRule.Sweep(), 2).of(values, 0, 1, 32)[1]).isEqualTo((byte) 1);
        assertThat(search(new BlockRule.Largest(), 2).of(values, 0, 1, 32)[1]).isEqualTo((byte) 0x7e);
    }

    @Test
    void of_whatIsNoNumberOrNoBlocks_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> search(new BlockRule.Sweep(), 1).of(new float[17], 0, 1, 17))
                .withMessage("17 columns are no blocks of 16");
        float[] values = new float[16];
        values[5] = Float.NaN;
        assertThatIllegalArgumentException()
                .isThrownBy(() -> search(new BlockRule.Sweep(), 1).of(values, 0, 1, 16))
                .withMessage("amax must be finite, found NaN");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new StaticScales(0, 448))
                .withMessage("no static block scales for amax 0.0 under 448.0");
    }

    private static BlockSearch search(BlockRule rule, float amax) {
        return new BlockSearch(rule, new StaticScales(amax, 448), Kernels.fastest());
    }

    private enum Kind {
        NORMAL,
        BF16,
        SPREAD,
        SPARSE,
        SINGLE,
        MIDWAY,
        ON_THE_GRID,
        SUBNORMAL_SCALES,
        ABOVE_THE_AMAX,
        TINY,
        HUGE;

        float[] values(Random random, int count) {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                float normal = (float) (random.nextGaussian() * Math.exp(random.nextInt(5) - 3));
                values[i] = switch (this) {
                    case NORMAL, ABOVE_THE_AMAX -> normal;
                    case BF16 -> Bf16.decode(Bf16.encode(normal));
                    case SPREAD -> (float) (normal * Math.exp(-12 * random.nextDouble()));
                    case SPARSE -> random.nextInt(9) == 0 ? normal : random.nextBoolean() ? 0f : -0f;
                    case SINGLE -> i % 16 == 3 ? normal : 0;
                    case MIDWAY ->
                        Math.scalb(new float[] {0, 1.25f, 2.5f, 5, 3.5f, 1.75f}[random.nextInt(6)], -random.nextInt(3));
                    case ON_THE_GRID -> Math.scalb(random.nextInt(7) - 3f, -(i / 16) % 9);
                    case SUBNORMAL_SCALES -> i == 0 ? 1e4f : normal * 1e-3f;
                    case TINY -> normal * 1e-38f;
                    case HUGE -> normal * 1e36f;
                };
            }
            return values;
        }

        float globalAmax(float largest) {
            return this == ABOVE_THE_AMAX ? largest / 3 : largest;
        }
    }
}
