package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.PackedWeight;
import io.github.steelyard.kernel.Workspace;
import java.util.List;
import java.util.function.Consumer;

/// What one worker thread works with: the pass it belongs to and scratch memory of its own.
public final class Lane implements AutoCloseable {

    private final int index;
    private final Pass pass;
    private final Consumer<ModuleInfo> weightsUsed;
    private final Scratch scratch = new Scratch();
    private final Workspace workspace = new Workspace();

    Lane(int index, Pass pass, Consumer<ModuleInfo> weightsUsed) {
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

    /// Computes `c = a · bᵀ + beta · c` with `b` stored `(n, k)`, the layout of a Hugging Face weight.
    public void multiplyTransposed(
            int m,
            int n,
            int k,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            float beta,
            float[] c,
            int co,
            int ldc) {
        gemm().multiply(m, n, k, a, ao, lda, b, bo, ldb, true, beta, c, co, ldc, workspace);
    }

    /// Computes `c = a · b + beta · c` with `b` stored `(k, n)`.
    public void multiply(
            int m,
            int n,
            int k,
            float[] a,
            int ao,
            int lda,
            float[] b,
            int bo,
            int ldb,
            float beta,
            float[] c,
            int co,
            int ldc) {
        gemm().multiply(m, n, k, a, ao, lda, b, bo, ldb, false, beta, c, co, ldc, workspace);
    }

    /// Decodes weights that read the same input, one below the other, into the layout that products read fastest.
    public void pack(List<StoredWeight> weights, PackedWeight target) {
        gemm().pack(weights, kernels(), target, workspace);
    }

    /// Brings a matrix into the layout that products read fastest.
    ///
    /// @param b `(n, k)` if `transposed`, else `(k, n)`; rows `ldb` apart
    public void pack(int n, int k, float[] b, int bo, int ldb, boolean transposed, PackedWeight target) {
        gemm().pack(n, k, b, bo, ldb, transposed, target, workspace);
    }

    /// Computes `c = a · bᵀ + beta · c` with a packed `b (n, k)`.
    public void multiply(
            int m, float[] a, int ao, int lda, PackedWeight.Slice b, float beta, float[] c, int co, int ldc) {
        gemm().multiplySlice(m, a, ao, lda, b, beta, c, co, ldc, workspace);
    }

    /// Returns the start of a measured scope.
    public long begin() {
        return pass.profile().now();
    }

    /// Ends a measured scope that began at `start`.
    public void end(Phase phase, long start, double flops, double bytes) {
        pass.profile().add(phase, index, start, flops, bytes);
    }

    private Gemm gemm() {
        return pass.gemm();
    }

    @Override
    public void close() {
        scratch.close();
        workspace.close();
    }
}
