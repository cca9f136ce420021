package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.gemm.Matrix;
import io.github.steelyard.gemm.PackedWeight;
import io.github.steelyard.gemm.RowListener;
import io.github.steelyard.gemm.Update;
import io.github.steelyard.gemm.Workspace;
import io.github.steelyard.kernel.Kernels;
import java.util.List;
import java.util.function.Consumer;

/// What one worker thread works with: the pass it belongs to and scratch memory of its own.
public final class Lane implements AutoCloseable {

    private final int index;
    private final Pass pass;
    private final Consumer<ModuleInfo> weightsUsed;
    private final Scratch scratch = new Scratch();
    private final Workspace workspace = new Workspace();
    private RowSource source = new RowSource.Weight();

    public Lane(int index, Pass pass, Consumer<ModuleInfo> weightsUsed) {
        this.index = index;
        this.pass = pass;
        this.weightsUsed = weightsUsed;
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

    /// Shows rows of what this lane has turned to to the tap.
    ///
    /// @see Tap#rows
    public void show(List<Site> sites, float[] values, int offset, int rows, int columns) {
        pass.tap().rows(sites, source, values, offset, rows, columns);
    }

    /// Opens a frame of this lane's scratch memory.
    public Scratch.Frame frame() {
        return scratch.frame();
    }

    /// Tells that the weight of `module` is about to be read.
    void usesWeight(ModuleInfo module) {
        weightsUsed.accept(module);
    }

    /// Takes back all scratch memory, also after a failure in the middle of a frame.
    void reset() {
        scratch.reset();
    }

    /// Returns the bytes of scratch memory that this lane holds.
    long scratchBytes() {
        return scratch.bytes() + workspace.bytes();
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
