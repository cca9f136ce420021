package io.github.steelyard.work;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// What one worker thread works with: the pass it belongs to and scratch memory of its own.
public final class Lane implements AutoCloseable {

    // Of a block that is shared. Fewer rows wait too often for a panel of the weight that comes from memory.
    private static final int MOST_ROWS = 512;
    private static final int LEAST_ROWS = 64;
    private static final int BLOCKS_PER_HAND = 2;

    private final int index;
    private final Pass pass;
    private final Consumer<ModuleInfo> weightsUsed;
    private final Optional<Team> team;
    private final Scratch scratch = new Scratch();
    private final Workspace workspace = new Workspace();
    private RowSource source = new RowSource.Weight();

    /// Returns the lane of somebody who works alone.
    public static Lane alone(Pass pass) {
        return new Lane(0, pass, module -> {}, Optional.empty());
    }

    Lane(int index, Pass pass, Consumer<ModuleInfo> weightsUsed, Optional<Team> team) {
        this.index = index;
        this.pass = pass;
        this.weightsUsed = weightsUsed;
        this.team = team;
    }

    /// Returns which worker's it is.
    int index() {
        return index;
    }

    /// Returns the pass that this lane works for.
    public Pass pass() {
        return pass;
    }

    /// Returns the arithmetic of the pass.
    public Kernels kernels() {
        return pass.kernels();
    }

    /// Returns the tap of the pass.
    public Tap tap() {
        return pass.tap();
    }

    /// Says where the rows come from that this lane shows from now on.
    public void turnsTo(RowSource rows) {
        source = rows;
    }

    /// Returns where the rows come from that this lane works on.
    public RowSource source() {
        return source;
    }

    /// Shows rows of what this lane has turned to to the tap.
    ///
    /// @see Tap#rows
    public void show(List<Site> sites, float[] values, int offset, int rows, int columns) {
        pass.tap().rows(sites, source, values, offset, rows, columns);
    }

    /// Runs `task` for parts `0 .. parts - 1`, in any order, on this worker and on those that have nothing else to do;
    /// returns when all are done. Each part gets the lane of the worker that runs it. The first failure is thrown
    /// again.
    public void share(int parts, Workers.Task task) {
        if (parts > 1 && team.isPresent()) {
            team.get().share(parts, task, this);
            return;
        }
        for (int part = 0; part < parts; part++) {
            task.run(part, this);
        }
    }

    /// Returns how many workers may be expected to work on what this one shares now, itself included.
    public int hands() {
        return team.map(Team::hands).orElse(1);
    }

    /// Shares rows, in blocks that suit a matrix product and the number of [#hands]. Where the bits of a row depend on
    /// its block, the blocks depend on nothing else than the number of rows.
    public void shareRows(int rows, RowTask task) {
        int block = rowsOfBlock(rows);
        share(Math.ceilDiv(rows, block), (part, lane) -> {
            int from = part * block;
            task.run(from, Math.min(block, rows - from), lane);
        });
    }

    /// Shares groups that have as many `blocks` each. Where there are more [#hands] than groups, the blocks of a group
    /// are dealt out in turn, for where the later ones are dearer.
    public void shareGroups(int groups, int blocks, GroupTask task) {
        int deals = Math.min(Math.ceilDiv(hands(), groups), blocks);
        share(groups * deals, (part, lane) -> task.run(part / deals, part % deals, deals, lane));
    }

    /// Work on every `deals`th block of a group, from block `deal` on.
    @FunctionalInterface
    public interface GroupTask {
        void run(int group, int deal, int deals, Lane lane);
    }

    private int rowsOfBlock(int rows) {
        int hands = hands();
        if (hands == 1 || pass.gemm().rows() == RowPromise.SAME_WITHIN_ROUNDING) {
            return MOST_ROWS;
        }
        return Math.min(MOST_ROWS, Math.ceilDiv(rows, BLOCKS_PER_HAND * hands * LEAST_ROWS) * LEAST_ROWS);
    }

    /// Work on some rows.
    @FunctionalInterface
    public interface RowTask {
        void run(int from, int count, Lane lane);
    }

    /// Opens a frame of this lane's scratch memory.
    public Scratch.Frame frame() {
        return scratch.frame();
    }

    /// Tells that the weight of `module` is about to be read.
    public void usesWeight(ModuleInfo module) {
        weightsUsed.accept(module);
    }

    /// Takes back all scratch memory, also after a failure in the middle of a frame.
    void reset() {
        scratch.reset();
    }

    /// Computes `c = a · b`, or adds it to `c`.
    public void multiply(Matrix a, Matrix b, Update update, Matrix c) {
        pass.gemm().multiply(a, b, update, c, workspace);
    }

    /// Computes `c = a · bᵀ`, or adds it to `c`, with `b (n, k)`, the layout of a Hugging Face weight.
    public void multiplyTransposed(Matrix a, Matrix b, Update update, Matrix c) {
        pass.gemm().multiplyTransposed(a, b, update, c, workspace);
    }

    /// Computes `c = a · bᵀ`, or adds it to `c`, with a part of a packed `b (n, k)`.
    public void multiply(Matrix a, PackedWeight.Slice b, Update update, Matrix c) {
        pass.gemm().multiplyPacked(a, b, update, c, workspace);
    }

    /// Computes `c = a · bᵀ`, or adds it to `c`, with parts of packed weights one below the other.
    public void multiply(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c) {
        pass.gemm().multiplyPacked(a, parts, update, c, workspace);
    }

    /// Decodes weights that read the same input, one below the other, into the layout that products read fastest.
    ///
    /// @param listener sees the decoded rows
    public void pack(List<StoredWeight> weights, RowListener listener, PackedWeight target) {
        pass.gemm().pack(weights, kernels(), listener, target, workspace);
    }

    /// Brings `b (n, k)` into the layout that products read fastest.
    public void pack(Matrix b, PackedWeight target) {
        pass.gemm().pack(b, target, workspace);
    }

    /// Brings `b`, given as `(k, n)`, into the layout that products read fastest.
    public void packTransposed(Matrix b, PackedWeight target) {
        pass.gemm().packTransposed(b, target, workspace);
    }

    /// Returns the start of a measured scope.
    public long begin() {
        return pass.profile().now();
    }

    /// Ends a measured scope that began at `start`.
    public void end(Phase phase, long start, double flops, double bytes) {
        pass.profile().add(phase, index, start, flops, bytes);
    }

    @Override
    public void close() {
        scratch.close();
        workspace.close();
    }
}
