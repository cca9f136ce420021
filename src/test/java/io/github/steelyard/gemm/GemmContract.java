package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.offset;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.Values;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// What every matrix product promises, the built-in ones and those of a [GemmProvider].
public abstract class GemmContract {

    private static final int[] ROWS = {1, 2, 3, 5, 16, 17, 63, 64, 65, 127, 130, 200};

    // (n, k), most of them no multiple of anything.
    private static final int[][] WEIGHTS = {
        {1, 1},
        {1, 64},
        {2, 3},
        {7, 5},
        {17, 33},
        {64, 64},
        {100, 100},
        {65, 129},
        {128, 513},
        {33, 1100},
        {300, 77},
        {200, 700}
    };

    public final Workspace workspace = new Workspace();

    abstract Gemm gemm();

    /// Returns a weight of the kind that the product is to be tried with.
    Matrix weight(long seed, int rows, int columns) {
        return normal(seed, rows, columns);
    }

    /// Packs such a weight.
    void pack(Matrix weight, PackedWeight target) {
        gemm().pack(weight, target, workspace);
    }

    @Test
    void multiply_everyShape_isWithinTheBound() {
        for (int[] weight : WEIGHTS) {
            for (int m : new int[] {1, 3, 65}) {
                int n = weight[0];
                int k = weight[1];
                Matrix a = normal(m, m, k);
                Matrix b = weight(n, n, k);
                Matrix c = filled(m, n, Float.NaN);
                gemm().multiplyTransposed(a, b, Update.SET, c, workspace);
                check(a, b, zeros(m, n), c);
                check(a, b, zeros(m, n), product(a, b));
            }
        }
    }

    @Test
    void multiply_rowsAnywhere_keepWhatIsPromised() {
        rowsAnywhere((a, b) -> {
            Matrix c = zeros(a.rows(), b.rows());
            gemm().multiplyTransposed(a, b, Update.SET, c, workspace);
            return c;
        });
    }

    @Test
    void multiplyPacked_rowsAnywhere_keepWhatIsPromised() {
        rowsAnywhere(this::product);
    }

    private interface Product {
        Matrix of(Matrix a, Matrix b);
    }

    private void rowsAnywhere(Product product) {
        for (int[] weight : WEIGHTS) {
            int n = weight[0];
            int k = weight[1];
            Matrix a = normal(5, 200, k);
            Matrix b = weight(6, n, k);
            Matrix all = product.of(a, b);
            for (int m : ROWS) {
                for (int from : new int[] {0, 1, 200 - m}) {
                    if (from + m <= 200) {
                        Matrix rows = a.rowRange(from, from + m);
                        Matrix found = product.of(rows, b);
                        check(rows, b, zeros(m, n), found);
                        keepsPromise(found, all.rowRange(from, from + m));
                    }
                }
            }
        }
    }

    @Test
    void multiplyPacked_severalWeights_givesTheBitsOfOneAfterTheOther() {
        for (int k : new int[] {5, 96, 300}) {
            List<Matrix> weights = List.of(weight(1, 128, k), weight(2, 600, k), weight(3, 17, k));
            List<PackedWeight> packed = List.of(new PackedWeight(), new PackedWeight(), new PackedWeight());
            for (int i = 0; i < 3; i++) {
                pack(weights.get(i), packed.get(i));
            }
            for (int m : new int[] {0, 1, 5, 130}) {
                for (int fromRow : new int[] {0, 64, 70}) {
                    for (int fromColumn : new int[] {0, Math.min(k - 1, 33)}) {
                        for (Update update : Update.values()) {
                            sideBySide(
                                    normal(m, m, k - fromColumn),
                                    List.of(
                                            packed.get(0).slice(fromRow, 128, fromColumn, k),
                                            packed.get(1).slice(0, 600, fromColumn, k),
                                            packed.get(2).slice(0, 17, fromColumn, k)),
                                    update);
                        }
                    }
                }
            }
        }
    }

    @Test
    void multiplyPacked_severalWeightsThatDoNotFit_areRefused() {
        PackedWeight packed = new PackedWeight();
        pack(weight(1, 64, 32), packed);
        List<PackedWeight.Slice> twice = List.of(packed.all(), packed.all());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiplyPacked(zeros(3, 32), twice, Update.SET, zeros(3, 127), workspace));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiplyPacked(zeros(3, 31), twice, Update.SET, zeros(3, 128), workspace));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiplyPacked(zeros(3, 32), twice, Update.SET, zeros(4, 128), workspace));
    }

    private void sideBySide(Matrix a, List<PackedWeight.Slice> parts, Update update) {
        int n = parts.stream().mapToInt(PackedWeight.Slice::rows).sum();
        Matrix wanted = filled(a.rows(), n, 0.5f);
        Matrix found = filled(a.rows(), n, 0.5f);
        int from = 0;
        for (PackedWeight.Slice part : parts) {
            Matrix columns = wanted.columnRange(from, from + part.rows());
            gemm().multiplyPacked(a, part, update, columns, workspace);
            from += part.rows();
        }
        gemm().multiplyPacked(a, parts, update, found, workspace);
        assertThat(values(found)).isEqualTo(values(wanted));
    }

    // Products that promise less are held to the bound alone, which the caller checks.
    private void keepsPromise(Matrix found, Matrix wanted) {
        switch (gemm().rows()) {
            case SAME_BITS -> assertThat(values(found)).isEqualTo(values(wanted));
            case SAME_WITHIN_ROUNDING -> assertThat(values(found)).hasSameSizeAs(values(wanted));
        }
    }

    @Test
    void multiply_otherRowsNotFinite_doesNotMind() {
        int n = 70;
        int k = 90;
        Matrix a = normal(5, 9, k);
        Matrix b = weight(6, n, k);
        Matrix clean = product(a, b);
        Arrays.fill(a.values(), 4 * k, 5 * k, Float.NaN);
        Matrix found = product(a, b);
        assertThat(values(found.rowRange(0, 4))).isEqualTo(values(clean.rowRange(0, 4)));
        assertThat(values(found.rowRange(5, 9))).isEqualTo(values(clean.rowRange(5, 9)));
        assertThat(found.values()[4 * n + 69]).isNaN();
        // A later product through the same scratch memory is clean again.
        Arrays.fill(a.values(), 4 * k, 5 * k, 0);
        keepsPromise(product(a.rowRange(0, 1), b), clean.rowRange(0, 1));
    }

    @Test
    void multiply_offsetsAndStrides_areObserved() {
        int m = 19;
        int n = 71;
        int k = 37;
        Matrix a = new Matrix(Values.normal(1, 3 + m * (k + 5)), 3, m, k, k + 5);
        Matrix b = new Matrix(Values.normal(2, 7 + n * (k + 2)), 7, n, k, k + 2);
        Matrix wanted = zeros(m, n);
        gemm().multiplyTransposed(
                        Matrix.dense(values(a), m, k), Matrix.dense(values(b), n, k), Update.SET, wanted, workspace);
        float[] c = new float[11 + m * (n + 4)];
        Arrays.fill(c, 42);
        gemm().multiplyTransposed(a, b, Update.SET, new Matrix(c, 11, m, n, n + 4), workspace);
        for (int i = 0; i < c.length; i++) {
            int row = (i - 11) / (n + 4);
            int column = (i - 11) % (n + 4);
            boolean inside = i >= 11 && column < n && row < m;
            assertThat(c[i]).as("element %d", i).isEqualTo(inside ? wanted.values()[row * n + column] : 42);
        }
    }

    @Test
    void multiply_secondMatrixNotTransposed_givesTheSameBits() {
        PackedWeight packed = new PackedWeight();
        int m = 21;
        for (int[] weight : WEIGHTS) {
            int n = weight[0];
            int k = weight[1];
            Matrix a = normal(1, m, k);
            Matrix b = weight(2, n, k);
            int ldb = n + 3;
            Matrix flipped = new Matrix(new float[2 + k * ldb], 2, k, n, ldb);
            Kernels.reference().transpose(b.values(), 0, k, n, k, flipped.values(), 2, ldb);
            Matrix c = zeros(m, n);
            gemm().multiply(a, flipped, Update.SET, c, workspace);
            Matrix wanted = zeros(m, n);
            gemm().multiplyTransposed(a, b, Update.SET, wanted, workspace);
            assertThat(c.values()).isEqualTo(wanted.values());
            gemm().pack(b, packed, workspace);
            gemm().multiplyPacked(a, packed.all(), Update.SET, wanted, workspace);
            gemm().packTransposed(flipped, packed, workspace);
            gemm().multiplyPacked(a, packed.all(), Update.SET, c, workspace);
            assertThat(c.values()).isEqualTo(wanted.values());
        }
    }

    @Test
    void multiply_adding_addsToTheOldValues() {
        PackedWeight packed = new PackedWeight();
        for (int[] weight : WEIGHTS) {
            int m = 19;
            int n = weight[0];
            int k = weight[1];
            Matrix a = normal(1, m, k);
            Matrix b = weight(2, n, k);
            Matrix old = normal(3, m, n);
            Matrix c = Matrix.dense(old.values().clone(), m, n);
            Matrix c2 = Matrix.dense(old.values().clone(), m, n);
            gemm().multiplyTransposed(a, b, Update.ADD, c, workspace);
            pack(b, packed);
            gemm().multiplyPacked(a, packed.all(), Update.ADD, c2, workspace);
            check(a, b, old, c);
            check(a, b, old, c2);
        }
    }

    @Test
    void multiply_emptyExtents_writeNothingOrZeros() {
        float[] c = {1, 2, 3, 4};
        gemm().multiplyTransposed(zeros(0, 3), zeros(2, 3), Update.SET, Matrix.dense(c, 0, 2), workspace);
        gemm().multiplyTransposed(zeros(2, 3), zeros(0, 3), Update.SET, new Matrix(c, 0, 2, 0, 2), workspace);
        assertThat(c).containsExactly(1, 2, 3, 4);
        Matrix column = new Matrix(c, 0, 2, 1, 2);
        gemm().multiplyTransposed(zeros(2, 0), zeros(1, 0), Update.ADD, column, workspace);
        assertThat(c).containsExactly(1, 2, 3, 4);
        gemm().multiplyTransposed(zeros(2, 0), zeros(1, 0), Update.SET, column, workspace);
        assertThat(c).containsExactly(0, 2, 0, 4);
    }

    @Test
    void multiplyPacked_stackedWeights_equalTheStack() {
        PackedWeight packed = new PackedWeight();
        for (int k : new int[] {513, 33, 1024}) {
            Matrix b = weight(1, 150, k);
            Matrix a = normal(2, 67, k);
            gemm().pack(stack(b), Kernels.fastest(), RowListener.NONE, packed, workspace);
            assertThat(packed.rows()).isEqualTo(150);
            assertThat(packed.columns()).isEqualTo(k);
            assertThat(packed.bytes()).isGreaterThan(0);
            Matrix c = zeros(67, 150);
            gemm().multiplyPacked(a, packed.all(), Update.SET, c, workspace);
            assertThat(c.values()).isEqualTo(product(a, b).values());
            pack(b, packed);
            Arrays.fill(c.values(), 0);
            gemm().multiplyPacked(a, packed.all(), Update.SET, c, workspace);
            assertThat(c.values()).isEqualTo(product(a, b).values());
        }
    }

    @Test
    void pack_listener_seesEachRowOnceInOrder() {
        int k = 33;
        Matrix b = weight(1, 150, k);
        float[] flipped = new float[k * 80];
        Kernels.reference().transpose(b.values(), 70 * k, k, 80, k, flipped, 0, 80);
        StoredWeight gate = PlainWeight.ofFloats(Arrays.copyOf(b.values(), 70 * k), 70, k);
        StoredWeight up = TransposedWeight.plain(MemorySegment.ofArray(flipped), DType.F32, 80, k);
        for (List<StoredWeight> weights : List.of(stack(b), List.of(gate, up))) {
            float[][] seen = new float[2][0];
            gemm().pack(
                            weights,
                            Kernels.fastest(),
                            (weight, rows) -> seen[weight] = joined(seen[weight], values(rows)),
                            new PackedWeight(),
                            workspace);
            assertThat(joined(seen[0], seen[1])).isEqualTo(b.values());
            assertThat(seen[0]).hasSize(70 * k);
        }
    }

    private static float[] joined(float[] first, float[] second) {
        float[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /// Returns the first 70 and the other 80 rows as weights of their own.
    private static List<StoredWeight> stack(Matrix b) {
        int k = b.columns();
        return List.of(
                PlainWeight.ofFloats(Arrays.copyOf(b.values(), 70 * k), 70, k),
                PlainWeight.ofFloats(Arrays.copyOfRange(b.values(), 70 * k, 150 * k), 80, k));
    }

    @Test
    void multiplyPacked_slices_areWithinTheBound() {
        int m = 20;
        Matrix a = normal(1, m, 200);
        Matrix b = weight(2, 300, 200);
        PackedWeight packed = new PackedWeight();
        pack(b, packed);
        int[][] parts = {
            {0, 300, 0, 200},
            {64, 200, 0, 200},
            {0, 64, 64, 128},
            {256, 300, 128, 177},
            {70, 100, 3, 200},
            {1, 299, 7, 8}
        };
        for (int[] part : parts) {
            int rows = part[1] - part[0];
            int columns = part[3] - part[2];
            Matrix x = new Matrix(a.values(), 0, m, columns, 200);
            Matrix c = zeros(m, rows);
            PackedWeight.Slice slice = packed.slice(part[0], part[1], part[2], part[3]);
            gemm().multiplyPacked(x, slice, Update.SET, c, workspace);
            Matrix again = zeros(3, rows);
            gemm().multiplyPacked(x.rowRange(9, 12), slice, Update.SET, again, workspace);
            keepsPromise(again, c.rowRange(9, 12));
            Matrix twice = Matrix.dense(c.values().clone(), m, rows);
            gemm().multiplyPacked(x, slice, Update.ADD, twice, workspace);
            for (int i = 0; i < m * rows; i++) {
                assertThat(twice.values()[i]).isCloseTo(2 * c.values()[i], offset(1e-4f));
            }
            check(x, b.rowRange(part[0], part[1]).columnRange(part[2], part[3]), zeros(m, rows), c);
        }
    }

    @Test
    void multiply_manyThreads_giveTheSameBits() throws InterruptedException, ExecutionException {
        Matrix a = normal(1, 150, 300);
        Matrix b = weight(2, 200, 300);
        PackedWeight packed = new PackedWeight();
        pack(b, packed);
        Matrix wanted = product(a, b);
        try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
            Callable<Boolean> task = () -> {
                try (Workspace own = new Workspace()) {
                    for (int i = 0; i < 20; i++) {
                        Matrix c = zeros(150, 200);
                        gemm().multiplyPacked(a, packed.all(), Update.SET, c, own);
                        assertThat(c.values()).isEqualTo(wanted.values());
                    }
                    return true;
                }
            };
            for (Future<Boolean> result : threads.invokeAll(List.of(task, task, task))) {
                assertThat(result.get()).isTrue();
            }
        }
    }

    @Test
    void packedWeight_closedAndFilledAgain_works() {
        Matrix a = normal(1, 5, 40);
        Matrix b = weight(2, 70, 40);
        Matrix c = zeros(5, 70);
        PackedWeight packed = new PackedWeight();
        pack(weight(3, 300, 90), packed);
        packed.close();
        packed.close();
        pack(b, packed);
        gemm().multiplyPacked(a, packed.all(), Update.SET, c, workspace);
        assertThat(c.values()).isEqualTo(product(a, b).values());
    }

    @Test
    void multiply_wrongArguments_areRefused() {
        PackedWeight empty = new PackedWeight();
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> gemm().multiplyTransposed(zeros(2, 3), zeros(2, 2), Update.SET, zeros(2, 2), workspace))
                .withMessage("product: A [2, 3], W [2, 2] and C [2, 2] do not fit");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiplyPacked(zeros(1, 0), empty.all(), Update.SET, zeros(1, 0), workspace))
                .withMessage("packed weight: expected the layout of %s, found that of nobody", gemm().name());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().pack(
                                List.of(
                                        PlainWeight.ofFloats(new float[6], 2, 3),
                                        PlainWeight.ofFloats(new float[4], 2, 2)),
                                Kernels.fastest(),
                                RowListener.NONE,
                                empty,
                                workspace))
                .withMessage("weights to pack together: expected 3 columns, found 2");
    }

    // Through a packed weight, which is what the product under test computes whatever the size.
    final Matrix product(Matrix a, Matrix b) {
        PackedWeight packed = new PackedWeight();
        pack(b, packed);
        Matrix c = filled(a.rows(), b.rows(), Float.NaN);
        gemm().multiplyPacked(a, packed.all(), Update.SET, c, workspace);
        return c;
    }

    static Matrix normal(long seed, int rows, int columns) {
        return Matrix.dense(Values.normal(seed, rows * columns), rows, columns);
    }

    static Matrix zeros(int rows, int columns) {
        return filled(rows, columns, 0);
    }

    private static Matrix filled(int rows, int columns, float value) {
        float[] x = new float[rows * columns];
        Arrays.fill(x, value);
        return Matrix.dense(x, rows, columns);
    }

    static float[] values(Matrix x) {
        float[] dense = new float[x.rows() * x.columns()];
        for (int row = 0; row < x.rows(); row++) {
            System.arraycopy(x.values(), x.at(row), dense, row * x.columns(), x.columns());
        }
        return dense;
    }

    // The classical bound k u |a| |b|; the usual error is about its square root.
    private static void check(Matrix a, Matrix b, Matrix old, Matrix found) {
        int k = a.columns();
        for (int row = 0; row < a.rows(); row++) {
            for (int column = 0; column < b.rows(); column++) {
                double wanted = old.values()[old.at(row) + column];
                double magnitude = Math.abs(wanted);
                for (int i = 0; i < k; i++) {
                    double product = (double) a.values()[a.at(row) + i] * b.values()[b.at(column) + i];
                    wanted += product;
                    magnitude += Math.abs(product);
                }
                double bound = (4 + 2 * Math.sqrt(k)) * 0x1p-24 * magnitude;
                float value = found.values()[found.at(row) + column];
                if (!(Math.abs(value - wanted) <= bound)) {
                    assertThat((double) value)
                            .as("row %d, column %d, n %d, k %d, bound %g", row, column, b.rows(), k, bound)
                            .isEqualTo(wanted);
                }
            }
        }
    }
}
