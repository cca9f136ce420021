package io.github.steelyard.solve;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Workspace;

/// What one thread works with while it sums or solves: arithmetic, and memory that is kept from one module to the next.
/// Not thread-safe.
public final class Desk implements AutoCloseable {

    private final Kernels kernels;
    private final Gemm gemm;
    private final Workspace workspace = new Workspace();
    private float[] rows = new float[0];
    private float[] turned = new float[0];
    private float[] sums = new float[0];

    public Desk(Kernels kernels, Gemm gemm) {
        this.kernels = kernels;
        this.gemm = gemm;
    }

    /// Returns the arithmetic.
    Kernels kernels() {
        return kernels;
    }

    /// Returns the matrix product.
    Gemm gemm() {
        return gemm;
    }

    /// Returns what the matrix product works with.
    Workspace workspace() {
        return workspace;
    }

    /// Returns an array of at least so many floats, with undefined contents, for rows of an input.
    float[] rows(int size) {
        rows = Workspace.grown(rows, size);
        return rows;
    }

    /// Returns another such array, for a transpose.
    float[] turned(int size) {
        turned = Workspace.grown(turned, size);
        return turned;
    }

    /// Returns another such array, for a product.
    float[] sums(int size) {
        sums = Workspace.grown(sums, size);
        return sums;
    }

    @Override
    public void close() {
        workspace.close();
    }
}
