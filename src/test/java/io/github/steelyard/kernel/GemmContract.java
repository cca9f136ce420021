package io.github.steelyard.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.offset;

import io.github.steelyard.format.PlainWeight;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// What every provider of the matrix product promises.
abstract class GemmContract {

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

    private final Workspace workspace = new Workspace();

    abstract Gemm gemm();

    @Test
    void multiply_everyShape_isWithinTheBound() {
        for (int[] weight : WEIGHTS) {
            for (int m : new int[] {1, 3, 65}) {
                int n = weight[0];
                int k = weight[1];
                float[] a = Values.normal(m, m * k);
                float[] b = Values.normal(n, n * k);
                float[] c = new float[m * n];
                Arrays.fill(c, Float.NaN);
                gemm().multiply(m, n, k, a, 0, k, b, 0, k, true, 0, c, 0, n, workspace);
                float[] packed = product(m, n, k, a, 0, b);
                for (int row = 0; row < m; row++) {
                    for (int column = 0; column < n; column++) {
                        check(a, row * k, b, column * k, k, 0, c[row * n + column], m, n);
                        check(a, row * k, b, column * k, k, 0, packed[row * n + column], m, n);
                    }
                }
            }
        }
    }

    @Test
    void multiply_rowsAnywhere_haveTheSameBits() {
        rowsAnywhere((m, n, k, a, aOffset, b) -> {
            float[] c = new float[m * n];
            gemm().multiply(m, n, k, a, aOffset, k, b, 0, k, true, 0, c, 0, n, workspace);
            return c;
        });
    }

    @Test
    void multiplyPacked_rowsAnywhere_haveTheSameBits() {
        rowsAnywhere(this::product);
    }

    private interface Product {
        float[] of(int m, int n, int k, float[] a, int aOffset, float[] b);
    }

    private static void rowsAnywhere(Product product) {
        for (int[] weight : WEIGHTS) {
            int n = weight[0];
            int k = weight[1];
            float[] a = Values.normal(5, 200 * k);
            float[] b = Values.normal(6, n * k);
            float[] all = product.of(200, n, k, a, 0, b);
            for (int m : ROWS) {
                for (int from : new int[] {0, 1, 200 - m}) {
                    if (from + m <= 200) {
                        assertThat(product.of(m, n, k, a, from * k, b))
                                .as("rows %d from %d, n %d, k %d", m, from, n, k)
                                .isEqualTo(Arrays.copyOfRange(all, from * n, (from + m) * n));
                    }
                }
            }
        }
    }

    @Test
    void multiply_otherRowsNotFinite_doesNotMind() {
        int n = 70;
        int k = 90;
        float[] a = Values.normal(5, 9 * k);
        float[] b = Values.normal(6, n * k);
        float[] clean = product(9, n, k, a, 0, b);
        Arrays.fill(a, 4 * k, 5 * k, Float.NaN);
        float[] found = product(9, n, k, a, 0, b);
        assertThat(Arrays.copyOf(found, 4 * n)).isEqualTo(Arrays.copyOf(clean, 4 * n));
        assertThat(Arrays.copyOfRange(found, 5 * n, 9 * n)).isEqualTo(Arrays.copyOfRange(clean, 5 * n, 9 * n));
        assertThat(found[4 * n + 69]).isNaN();
        // A later product through the same scratch memory is clean again.
        Arrays.fill(a, 4 * k, 5 * k, 0);
        assertThat(product(1, n, k, a, 0, b)).isEqualTo(Arrays.copyOf(clean, n));
    }

    @Test
    void multiply_offsetsAndStrides_areObserved() {
        int m = 19;
        int n = 71;
        int k = 37;
        float[] a = Values.normal(1, 3 + m * (k + 5));
        float[] b = Values.normal(2, 7 + n * (k + 2));
        float[] dense = new float[m * k];
        float[] denseB = new float[n * k];
        for (int row = 0; row < m; row++) {
            System.arraycopy(a, 3 + row * (k + 5), dense, row * k, k);
        }
        for (int row = 0; row < n; row++) {
            System.arraycopy(b, 7 + row * (k + 2), denseB, row * k, k);
        }
        float[] wanted = new float[m * n];
        gemm().multiply(m, n, k, dense, 0, k, denseB, 0, k, true, 0, wanted, 0, n, workspace);
        float[] c = new float[11 + m * (n + 4)];
        Arrays.fill(c, 42);
        gemm().multiply(m, n, k, a, 3, k + 5, b, 7, k + 2, true, 0, c, 11, n + 4, workspace);
        for (int i = 0; i < c.length; i++) {
            int row = (i - 11) / (n + 4);
            int column = (i - 11) % (n + 4);
            boolean inside = i >= 11 && column < n && row < m;
            assertThat(c[i]).as("element %d", i).isEqualTo(inside ? wanted[row * n + column] : 42);
        }
    }

    @Test
    void multiply_secondMatrixNotTransposed_givesTheSameBits() {
        PackedWeight packed = new PackedWeight();
        int m = 21;
        for (int[] weight : WEIGHTS) {
            int n = weight[0];
            int k = weight[1];
            float[] a = Values.normal(1, m * k);
            float[] b = Values.normal(2, n * k);
            int ldb = n + 3;
            float[] flipped = new float[2 + k * ldb];
            Kernels.reference().transpose(b, 0, k, n, k, flipped, 2, ldb);
            float[] c = new float[m * n];
            gemm().multiply(m, n, k, a, 0, k, flipped, 2, ldb, false, 0, c, 0, n, workspace);
            float[] wanted = new float[m * n];
            gemm().multiply(m, n, k, a, 0, k, b, 0, k, true, 0, wanted, 0, n, workspace);
            assertThat(c).isEqualTo(wanted);
            gemm().pack(n, k, flipped, 2, ldb, false, packed, workspace);
            gemm().multiplyPacked(m, a, 0, k, packed, 0, c, 0, n, workspace);
            assertThat(c).isEqualTo(product(m, n, k, a, 0, b));
        }
    }

    @Test
    void multiply_betaOne_addsToTheOldValues() {
        PackedWeight packed = new PackedWeight();
        for (int[] weight : WEIGHTS) {
            int m = 19;
            int n = weight[0];
            int k = weight[1];
            float[] a = Values.normal(1, m * k);
            float[] b = Values.normal(2, n * k);
            float[] c = Values.normal(3, m * n);
            float[] old = c.clone();
            float[] c2 = c.clone();
            gemm().multiply(m, n, k, a, 0, k, b, 0, k, true, 1, c, 0, n, workspace);
            gemm().pack(n, k, b, 0, k, true, packed, workspace);
            gemm().multiplyPacked(m, a, 0, k, packed, 1, c2, 0, n, workspace);
            for (int row = 0; row < m; row++) {
                for (int column = 0; column < n; column++) {
                    check(a, row * k, b, column * k, k, old[row * n + column], c[row * n + column], m, n);
                    check(a, row * k, b, column * k, k, old[row * n + column], c2[row * n + column], m, n);
                }
            }
        }
    }

    @Test
    void multiply_emptyExtents_writeNothingOrZeros() {
        float[] c = {1, 2, 3, 4};
        gemm().multiply(0, 2, 3, new float[0], 0, 3, new float[6], 0, 3, true, 0, c, 0, 2, workspace);
        gemm().multiply(2, 0, 3, new float[6], 0, 3, new float[0], 0, 3, true, 0, c, 0, 2, workspace);
        assertThat(c).containsExactly(1, 2, 3, 4);
        gemm().multiply(2, 1, 0, new float[0], 0, 0, new float[0], 0, 0, true, 1, c, 0, 2, workspace);
        assertThat(c).containsExactly(1, 2, 3, 4);
        gemm().multiply(2, 1, 0, new float[0], 0, 0, new float[0], 0, 0, true, 0, c, 0, 2, workspace);
        assertThat(c).containsExactly(0, 2, 0, 4);
    }

    @Test
    void multiplyPacked_stackedWeights_equalTheStack() {
        PackedWeight packed = new PackedWeight();
        for (int k : new int[] {513, 33, 1024}) {
            float[] b = Values.normal(1, 150 * k);
            float[] gate = Arrays.copyOf(b, 70 * k);
            float[] up = Arrays.copyOfRange(b, 70 * k, 150 * k);
            gemm().pack(
                            List.of(PlainWeight.ofFloats(gate, 70, k), PlainWeight.ofFloats(up, 80, k)),
                            Kernels.fastest(),
                            packed,
                            workspace);
            assertThat(packed.rows()).isEqualTo(150);
            assertThat(packed.columns()).isEqualTo(k);
            assertThat(packed.bytes()).isGreaterThanOrEqualTo(4L * 150 * k);
            float[] a = Values.normal(2, 67 * k);
            float[] c = new float[67 * 150];
            gemm().multiplyPacked(67, a, 0, k, packed, 0, c, 0, 150, workspace);
            assertThat(c).isEqualTo(product(67, 150, k, a, 0, b));
            gemm().pack(150, k, b, 0, k, true, packed, workspace);
            Arrays.fill(c, 0);
            gemm().multiplyPacked(67, a, 0, k, packed, 0, c, 0, 150, workspace);
            assertThat(c).isEqualTo(product(67, 150, k, a, 0, b));
        }
    }

    @Test
    void multiplySlice_parts_areWithinTheBound() {
        int m = 20;
        int n = 300;
        int k = 200;
        float[] a = Values.normal(1, m * k);
        float[] b = Values.normal(2, n * k);
        PackedWeight packed = new PackedWeight();
        gemm().pack(n, k, b, 0, k, true, packed, workspace);
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
            float[] c = new float[m * rows];
            PackedWeight.Slice slice = packed.slice(part[0], part[1], part[2], part[3]);
            gemm().multiplySlice(m, a, 0, k, slice, 0, c, 0, rows, workspace);
            float[] again = new float[3 * rows];
            gemm().multiplySlice(3, a, 9 * k, k, slice, 0, again, 0, rows, workspace);
            assertThat(again).isEqualTo(Arrays.copyOfRange(c, 9 * rows, 12 * rows));
            float[] twice = c.clone();
            gemm().multiplySlice(m, a, 0, k, slice, 1, twice, 0, rows, workspace);
            for (int i = 0; i < twice.length; i++) {
                assertThat(twice[i]).isCloseTo(2 * c[i], offset(1e-4f));
            }
            for (int row = 0; row < m; row++) {
                for (int column = 0; column < rows; column++) {
                    int bAt = (part[0] + column) * k + part[2];
                    check(a, row * k, b, bAt, columns, 0, c[row * rows + column], m, rows);
                }
            }
        }
    }

    @Test
    void multiply_manyThreads_giveTheSameBits() throws InterruptedException, ExecutionException {
        int n = 200;
        int k = 300;
        float[] a = Values.normal(1, 150 * k);
        float[] b = Values.normal(2, n * k);
        PackedWeight packed = new PackedWeight();
        gemm().pack(n, k, b, 0, k, true, packed, workspace);
        float[] wanted = product(150, n, k, a, 0, b);
        try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
            Callable<Boolean> task = () -> {
                Workspace own = new Workspace();
                for (int i = 0; i < 20; i++) {
                    float[] c = new float[150 * n];
                    gemm().multiplyPacked(150, a, 0, k, packed, 0, c, 0, n, own);
                    assertThat(c).isEqualTo(wanted);
                }
                return true;
            };
            for (Future<Boolean> result : threads.invokeAll(List.of(task, task, task))) {
                assertThat(result.get()).isTrue();
            }
        }
    }

    @Test
    void multiply_wrongArguments_areRefused() {
        float[] x = new float[10];
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiply(1, 1, 1, x, 0, 1, x, 0, 1, true, 0.5f, x, 0, 1, workspace))
                .withMessage("beta: expected 0 or 1, found 0.5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiply(2, 2, 3, x, 0, 2, x, 0, 3, true, 0, x, 0, 2, workspace))
                .withMessage("matrix A: extents [2, 3] with row distance 2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gemm().multiplyPacked(1, x, 0, 1, new PackedWeight(), 0, x, 0, 1, workspace))
                .withMessage("packed weight: expected the layout of %s, found that of nobody", gemm().name());
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> gemm().multiply(4, 1, 3, x, 0, 3, x, 0, 3, true, 0, x, 0, 1, workspace));
    }

    // Through a packed weight, which is what the provider under test computes whatever the size.
    private float[] product(int m, int n, int k, float[] a, int aOffset, float[] b) {
        PackedWeight packed = new PackedWeight();
        gemm().pack(n, k, b, 0, k, true, packed, workspace);
        float[] c = new float[m * n];
        Arrays.fill(c, Float.NaN);
        gemm().multiplyPacked(m, a, aOffset, k, packed, 0, c, 0, n, workspace);
        return c;
    }

    // The classical bound k u |a| |b|; the usual error is about its square root.
    private static void check(float[] a, int aAt, float[] b, int bAt, int k, float old, float found, int m, int n) {
        double wanted = old;
        double magnitude = Math.abs(old);
        for (int i = 0; i < k; i++) {
            double product = (double) a[aAt + i] * b[bAt + i];
            wanted += product;
            magnitude += Math.abs(product);
        }
        double bound = (4 + 2 * Math.sqrt(k)) * 0x1p-24 * magnitude;
        if (!(Math.abs(found - wanted) <= bound)) {
            assertThat((double) found)
                    .as("m %d, n %d, k %d, bound %g", m, n, k, bound)
                    .isEqualTo(wanted);
        }
    }
}
