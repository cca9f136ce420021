package io.github.steelyard.matrix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.gemm.GemmSelection;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/// What a product finds in a weight that it is asked to pack.
final class WeightSourceTest {

    private static final int COLUMNS = 5;

    private final Workspace workspace = new Workspace();
    private final StoredWeight gate = PlainWeight.ofFloats(Values.normal(1, 70 * COLUMNS), 70, COLUMNS);
    private final StoredWeight up = PlainWeight.ofFloats(Values.normal(2, 80 * COLUMNS), 80, COLUMNS);

    @Test
    void storedWeights_packedFromTheirCodes_areStillShownToTheListener() {
        List<StoredWeight> found = new ArrayList<>();
        List<Integer> shown = new ArrayList<>();
        packer(source -> found.addAll(source.stored()))
                .pack(
                        List.of(gate, up),
                        Kernels.reference(),
                        (weight, rows) -> shown.add(1000 * weight + rows.rows()),
                        new PackedWeight(),
                        workspace);

        assertThat(found).containsExactly(gate, up);
        assertThat(shown.stream().filter(i -> i < 1000).mapToInt(i -> i).sum()).isEqualTo(70);
        assertThat(shown.stream().filter(i -> i >= 1000).mapToInt(i -> i - 1000).sum())
                .isEqualTo(80);
    }

    @Test
    void storedWeights_someRowsTaken_areShownOnceEach() {
        float[] wanted = new float[150 * COLUMNS];
        gate.decodeRows(0, 70, wanted, 0);
        up.decodeRows(0, 80, wanted, 70 * COLUMNS);
        List<Float> shown = new ArrayList<>();
        packer(source -> {
                    Matrix rows = source.rows(65, 75);
                    assertThat(rows.values()[rows.at(9) + 4]).isEqualTo(wanted[74 * COLUMNS + 4]);
                })
                .pack(
                        List.of(gate, up),
                        Kernels.reference(),
                        (weight, rows) -> {
                            for (int i = 0; i < rows.rows() * COLUMNS; i++) {
                                shown.add(rows.values()[rows.offset() + i]);
                            }
                        },
                        new PackedWeight(),
                        workspace);

        assertThat(shown).hasSize(wanted.length);
        for (int i = 0; i < wanted.length; i++) {
            assertThat(shown.get(i)).isEqualTo(wanted[i]);
        }
    }

    @Test
    void storedWeights_rowsTakenTwice_areRefused() {
        Gemm gemm = packer(source -> {
            source.rows(0, 10);
            source.rows(9, 11);
        });
        assertThatIllegalStateException()
                .isThrownBy(() ->
                        gemm.pack(List.of(gate), Kernels.reference(), RowListener.NONE, new PackedWeight(), workspace))
                .withMessage("row 9 of a weight was asked for after row 9");
    }

    @Test
    void computedWeights_haveNoCodes() {
        List<Integer> found = new ArrayList<>();
        Gemm gemm = packer(source -> found.add(source.stored().size()));
        gemm.pack(Matrix.dense(new float[6], 2, 3), new PackedWeight(), workspace);
        gemm.packTransposed(Matrix.dense(new float[6], 2, 3), new PackedWeight(), workspace);
        assertThat(found).containsExactly(0, 0);
    }

    @Test
    void computedWeights_givenTransposed_haveTheirRowsToo() {
        float[] x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        List<Float> found = new ArrayList<>();
        packer(source -> {
                    assertThat(source.rows()).isEqualTo(2);
                    assertThat(source.columns()).isEqualTo(3);
                    assertThat(source.transposed()).isPresent();
                    Matrix second = source.rows(1, 2);
                    for (int i = 0; i < 3; i++) {
                        found.add(second.values()[second.offset() + i]);
                    }
                })
                .packTransposed(new Matrix(x, 1, 3, 2, 4), new PackedWeight(), workspace);
        assertThat(found).containsExactly(3f, 7f, 11f);
    }

    @Test
    void reason_ofAProductThatPromisesLess_saysSo() {
        assertThat(GemmSelection.withSmall(new Watching(source -> {}, RowPromise.SAME_WITHIN_ROUNDING), "")
                        .reason())
                .isEqualTo("a test; last bits may depend on threads and memory");
    }

    private static Gemm packer(Consumer<WeightSource> watcher) {
        return GemmSelection.withSmall(new Watching(watcher, RowPromise.SAME_BITS), "");
    }

    /// Looks at what it is given, and keeps nothing.
    private record Watching(Consumer<WeightSource> watcher, RowPromise rows) implements MatrixProduct {

        @Override
        public String name() {
            return "watching";
        }

        @Override
        public String detail() {
            return "a test";
        }

        @Override
        public Weight newWeight() {
            return new HeapPanels(new Panels(1, 1));
        }

        @Override
        public Worker newWorker() {
            return new Worker() {
                @Override
                public void pack(WeightSource source, Weight target) {
                    watcher.accept(source);
                }

                @Override
                public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
                    throw new AssertionError("nothing is multiplied");
                }

                @Override
                public void close() {
                    // Nothing is held.
                }
            };
        }
    }
}
