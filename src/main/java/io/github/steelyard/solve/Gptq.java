package io.github.steelyard.solve;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.ModuleInfo;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Rounds the weights of a row one after the other, each making up for the error of those before it: GPTQ in the
/// natural
/// order of columns, with the block scales of the weight as it was.
///
/// With `H = 2/N Σ x xᵀ` over inputs as their quantizer leaves them, `p` of its mean diagonal added to the diagonal,
/// and
/// `H⁻¹ = Uᵀ U`, for each column `i`:
///
/// ```text
/// q_i = Q(w_i)      e = (w_i - q_i) / U_ii      w_j -= e · U_ij   for j > i
/// ```
///
/// Columns beyond the block of columns that is solved are brought up to date by one product once the block is done.
/// A column of zeros in the weight counts as one with an input of its own. Where `H` is not positive definite, above
/// all
/// where no token came, `U` is the identity: each weight is rounded by itself.
///
/// Source: MODELOPT, `gptq`.
public final class Gptq implements Solver {

    private final double dampening;
    private final int blockSize;
    private final Function<ModuleInfo, Optional<StaticBlocks>> blocks;

    /// @param dampening the share of the mean diagonal that is added to it
    /// @param blockSize columns that are solved before the others are brought up to date
    /// @param blocks the weight that is solved for a module, if one is
    public Gptq(double dampening, int blockSize, Function<ModuleInfo, Optional<StaticBlocks>> blocks) {
        this.dampening = dampening;
        this.blockSize = blockSize;
        this.blocks = blocks;
    }

    @Override
    public Optional<Observed> observed(ModuleInfo module) {
        return blocks.apply(module).map(found -> new Observed(Observed.ALL_PRODUCTS, true, false));
    }

    @Override
    public List<Part> parts(ModuleInfo module) {
        return StaticBlocks.parts(module);
    }

    @Override
    public Prepared prepare(ModuleInfo module, Optional<InputMoments> moments, Desk desk) {
        Optional<InputMoments> seen = moments.filter(found -> found.tokens() > 0);
        boolean[] none = new boolean[module.columns()];
        Optional<float[]> factor = seen.flatMap(found -> factor(found, none, desk));
        return (solved, weight, at) -> {
            float[] values = new float[Math.multiplyExact(solved.rows(), solved.columns())];
            at.kernels().decode(weight, 0, solved.rows(), values, 0);
            boolean[] dead = deadColumns(values, solved.rows(), solved.columns());
            return solve(
                    solved,
                    values,
                    Arrays.equals(dead, none) ? factor : seen.flatMap(found -> factor(found, dead, at)),
                    at);
        };
    }

    private static boolean[] deadColumns(float[] values, int rows, int columns) {
        boolean[] dead = new boolean[columns];
        Arrays.fill(dead, true);
        for (int i = 0; i < rows * columns; i++) {
            if (values[i] != 0) {
                dead[i % columns] = false;
            }
        }
        return dead;
    }

    /// Returns the transpose of `U`.
    private Optional<float[]> factor(InputMoments moments, boolean[] dead, Desk desk) {
        int columns = moments.columns();
        float[] matrix = new float[Math.multiplyExact(columns, columns)];
        double diagonal = 0;
        for (int i = 0; i < columns; i++) {
            for (int j = i; j < columns; j++) {
                double mean = dead[i] || dead[j] ? 0 : 2 * moments.product(i, j) / moments.tokens();
                matrix[i * columns + j] = (float) mean;
                matrix[j * columns + i] = (float) mean;
            }
            if (dead[i]) {
                matrix[i * columns + i] = 1;
            }
            diagonal += matrix[i * columns + i];
        }
        float added = (float) (dampening * diagonal / columns);
        for (int i = 0; i < columns; i++) {
            matrix[i * columns + i] += added;
        }
        return InverseFactor.transposed(matrix, columns, desk);
    }

    private List<byte[]> solve(ModuleInfo module, float[] values, Optional<float[]> factor, Desk desk) {
        int rows = module.rows();
        int columns = module.columns();
        StaticBlocks written = blocks.apply(module).orElseThrow();
        Optional<StaticScales> scales = written.scales();
        if (scales.isEmpty()) {
            return written.encodedZeros(values, rows, columns);
        }
        int inRow = columns / Nvfp4.BLOCK;
        byte[] codes = new byte[rows * inRow];
        float[] tried = new float[inRow * rows]; // (block, row)
        for (int row = 0; row < rows; row++) {
            for (int block = 0; block < inRow; block++) {
                float amax = Amax.of(values, row * columns + block * Nvfp4.BLOCK, Nvfp4.BLOCK);
                codes[row * inRow + block] = (byte) scales.get().written(amax);
                tried[block * rows + row] = scales.get().tried(amax);
            }
        }
        if (factor.isPresent()) {
            round(values, rows, columns, tried, factor.get(), desk);
        }
        return written.encoded(values, rows, columns, codes);
    }

    /// Replaces a weight by what it is rounded to.
    ///
    /// @param values `(rows, columns)`
    /// @param scales of each block `(columns / 16, rows)`
    /// @param factor the transpose of `U`
    private void round(float[] values, int rows, int columns, float[] scales, float[] factor, Desk desk) {
        float[] turned = new float[values.length]; // (columns, rows)
        desk.kernels().transpose(values, 0, columns, rows, columns, turned, 0, rows);
        float[] residuals = new float[rows];
        float[] scale = new float[rows];
        float[] errors = new float[Math.min(blockSize, columns) * rows];
        for (int first = 0; first < columns; first += blockSize) {
            int end = Math.min(columns, first + blockSize);
            for (int i = first; i < end; i++) {
                System.arraycopy(scales, i / Nvfp4.BLOCK * rows, scale, 0, rows);
                desk.kernels().fp4Residuals(turned, i * rows, 1, rows, scale, residuals);
                take(turned, i * rows, residuals, errors, (i - first) * rows, factor[i * columns + i], rows);
                for (int j = i + 1; j < end; j++) {
                    addScaled(factor[j * columns + i], errors, (i - first) * rows, turned, j * rows, rows);
                }
            }
            if (end < columns) {
                desk.gemm()
                        .multiply(
                                new Matrix(factor, end * columns + first, columns - end, end - first, columns),
                                Matrix.dense(errors, end - first, rows),
                                Update.ADD,
                                new Matrix(turned, end * rows, columns - end, rows, rows),
                                desk.workspace());
            }
        }
        desk.kernels().transpose(turned, 0, rows, columns, rows, values, 0, columns);
    }

    /// Rounds a column, and keeps the negative of its error in units of the diagonal.
    private static void take(
            float[] turned, int at, float[] residuals, float[] errors, int to, float diagonal, int rows) {
        for (int row = 0; row < rows; row++) {
            turned[at + row] -= residuals[row];
            errors[to + row] = -(residuals[row] / diagonal);
        }
    }

    /// Adds a multiple, each product rounded before it is added.
    private static void addScaled(float factor, float[] from, int at, float[] to, int offset, int rows) {
        for (int row = 0; row < rows; row++) {
            to[offset + row] += from[at + row] * factor;
        }
    }
}
