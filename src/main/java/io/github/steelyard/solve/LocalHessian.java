package io.github.steelyard.solve;

import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.search.BlockRule;
import io.github.steelyard.search.BlockSearch;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.ModuleInfo;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Chooses the scale of each static NVFP4 block by what it does to the output: of the candidates of a [BlockRule] the
/// first with the smallest `dᵀ H d`, where `d = w - Q(w)` is the error of the block's 16 weights and `H = Σ x xᵀ / N`
/// the second moment of the 16 inputs that they meet, as these are before they are quantised. A module that saw no
/// token is searched by the squared error, which is `H` of ones on the diagonal.
///
/// All in float32, `H` rounded once from exact sums and the products of a form in this order:
///
/// ```text
/// e = Σ_i d_i · (H_ii · d_i + Σ_{j > i} 2 H_ij · d_j)        i and j ascending
/// ```
///
/// MODELOPT multiplies whole matrices, in an order that its library chooses; near ties may fall otherwise there.
/// Source:
/// MODELOPT, `local_hessian`.
public final class LocalHessian implements Solver {

    /// Inputs whose products are summed: those of one block.
    public static final int BLOCK = Nvfp4.BLOCK;

    /// Rows that are searched at a time.
    private static final int BATCH = 64;

    private static final int LAST_CODE = 126;

    private final BlockRule rule;
    private final Function<ModuleInfo, Optional<StaticBlocks>> blocks;

    /// @param blocks the weight that is solved for a module, if one is
    public LocalHessian(BlockRule rule, Function<ModuleInfo, Optional<StaticBlocks>> blocks) {
        this.rule = rule;
        this.blocks = blocks;
    }

    @Override
    public Optional<Observed> observed(ModuleInfo module) {
        return blocks.apply(module).map(found -> new Observed(BLOCK, false, false));
    }

    @Override
    public List<Part> parts(ModuleInfo module) {
        return StaticBlocks.parts(module);
    }

    @Override
    public Prepared prepare(ModuleInfo module, Optional<InputMoments> moments, Desk desk) {
        Optional<float[]> forms = moments.filter(found -> found.tokens() > 0).map(LocalHessian::forms);
        return (solved, weight, at) -> solve(solved, weight, forms, at);
    }

    private List<byte[]> solve(ModuleInfo module, StoredWeight weight, Optional<float[]> forms, Desk desk) {
        int rows = module.rows();
        int columns = module.columns();
        float[] values = new float[Math.multiplyExact(rows, columns)];
        desk.kernels().decode(weight, 0, rows, values, 0);
        StaticBlocks written = blocks.apply(module).orElseThrow();
        Optional<StaticScales> scales = written.scales();
        if (scales.isEmpty()) {
            return written.encodedZeros(values, rows, columns);
        }
        float[] amaxes = forms.isPresent()
                ? amaxes(rule, scales.get(), values, rows, columns, forms.get(), desk.kernels())
                : new BlockSearch(rule, scales.get(), desk.kernels()).amaxes(values, 0, rows, columns);
        byte[] codes = new byte[amaxes.length];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) scales.get().written(amaxes[i]);
        }
        return written.encoded(values, rows, columns, codes);
    }

    /// Returns the second moments of each block `(blocks, 16, 16)`, doubled above the diagonal, nothing below it.
    static float[] forms(InputMoments moments) {
        int columns = moments.columns();
        float[] forms = new float[columns * BLOCK];
        for (int column = 0; column < columns; column++) {
            int end = (column / BLOCK + 1) * BLOCK;
            for (int other = column; other < end; other++) {
                float mean = (float) (moments.product(column, other) / moments.tokens());
                forms[column * BLOCK + other % BLOCK] = other == column ? mean : 2 * mean;
            }
        }
        return forms;
    }

    /// Returns the chosen amax of each block `(rows, columns / 16)`.
    ///
    /// @param values `(rows, columns)`
    /// @param forms as of [#forms]
    static float[] amaxes(
            BlockRule rule,
            StaticScales scales,
            float[] values,
            int rows,
            int columns,
            float[] forms,
            Kernels kernels) {
        int inRow = columns / BLOCK;
        float[] amaxes = new float[rows * inRow];
        Batch batch = new Batch(rule, scales, kernels);
        for (int block = 0; block < inRow; block++) {
            float[] form = Arrays.copyOfRange(forms, block * BLOCK * BLOCK, (block + 1) * BLOCK * BLOCK);
            for (int first = 0; first < rows; first += BATCH) {
                int count = Math.min(BATCH, rows - first);
                batch.load(values, first * columns + block * BLOCK, columns, count);
                batch.search(form);
                for (int i = 0; i < count; i++) {
                    amaxes[(first + i) * inRow + block] = batch.best[i];
                }
            }
        }
        return amaxes;
    }

    /// Blocks below one another that are searched together.
    private static final class Batch {

        private final BlockRule rule;
        private final StaticScales scales;
        private final Kernels kernels;
        private final float[] elements = new float[BLOCK * BATCH]; // (element, block)
        private final float[] residuals = new float[BLOCK * BATCH];
        private final float[] largest = new float[BATCH];
        private final float[] tried = new float[BATCH];
        private final float[] errors = new float[BATCH];
        private final float[] smallest = new float[BATCH];
        private final float[] best = new float[BATCH];

        Batch(BlockRule rule, StaticScales scales, Kernels kernels) {
            this.rule = rule;
            this.scales = scales;
            this.kernels = kernels;
        }

        void load(float[] values, int offset, int stride, int count) {
            Arrays.fill(elements, 0);
            for (int i = 0; i < count; i++) {
                for (int e = 0; e < BLOCK; e++) {
                    elements[e * BATCH + i] = values[offset + i * stride + e];
                }
            }
            Arrays.fill(largest, 0);
            kernels.absMaxColumns(elements, 0, BLOCK, BATCH, largest, 0);
            Arrays.fill(smallest, Float.POSITIVE_INFINITY);
            System.arraycopy(largest, 0, best, 0, BATCH);
        }

        void search(float[] form) {
            switch (rule) {
                case BlockRule.Largest none -> {}
                case BlockRule.Grid grid -> {
                    for (float multiplier : grid.multipliers().toArray()) {
                        tryAll(form, amax -> amax * multiplier);
                    }
                }
                case BlockRule.Sweep sweep -> {
                    for (int code = 1; code <= LAST_CODE; code++) {
                        float candidate = scales.swept(code);
                        tryAll(form, amax -> candidate);
                    }
                }
            }
        }

        private void tryAll(float[] form, Candidate candidate) {
            for (int i = 0; i < BATCH; i++) {
                tried[i] = scales.tried(candidate.of(largest[i]));
            }
            kernels.fp4Residuals(elements, 0, BLOCK, BATCH, tried, residuals);
            kernels.quadraticForms(residuals, BATCH, form, errors);
            for (int i = 0; i < BATCH; i++) {
                if (errors[i] < smallest[i]) {
                    smallest[i] = errors[i];
                    best[i] = candidate.of(largest[i]);
                }
            }
        }
    }

    /// The amax that is tried for a block with this largest magnitude.
    private interface Candidate {
        float of(float amax);
    }
}
