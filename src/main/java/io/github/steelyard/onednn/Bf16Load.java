package io.github.steelyard.onednn;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.onednn.OneDnn.Operands;
import io.github.steelyard.onednn.OneDnn.Product;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// oneDNN's bf16 product on operands that stay in the cache of one core, to see how fast it can be here. What
/// [Bf16x3Gemm] adds to it, splitting rows and adding three results, is left out.
public final class Bf16Load {

    // Operands and result take 1.25 MB, which stays in the L2 cache of a processor with tiles. Without tiles the shape
    // makes no difference: the units are the limit.
    private static final int ROWS = 256;
    private static final int COLUMNS = 256;
    private static final int DEPTH = 1024;

    private static final int ALIGNMENT = 64;
    private static final short ONE = 0x3f80; // in bf16

    private final OneDnn library;
    private final Product product;

    private Bf16Load(OneDnn library) {
        this.library = library;
        this.product = library.product(Operands.BF16, ROWS, COLUMNS, DEPTH);
    }

    /// Loads the library.
    ///
    /// @throws UnavailableException if it has no bf16 product for this machine
    public static Bf16Load load() throws UnavailableException {
        return Bf16x3Gemm.load(Kernels.fastest()).load();
    }

    static Bf16Load of(OneDnn library) {
        return new Bf16Load(library);
    }

    /// Returns oneDNN's name of the kernel, with the instruction set.
    public String kernel() {
        return product.implementation();
    }

    /// Returns the floating-point operations of one run, a multiply-add counted as two.
    public double flops() {
        return 2.0 * ROWS * COLUMNS * DEPTH;
    }

    /// Returns a run of the product, again and again on the same operands, for one thread.
    public Runnable newRun() {
        OneDnnWorker worker = new OneDnnWorker(library);
        fill(worker.source((long) ROWS * DEPTH / 2));
        worker.target((long) ROWS * COLUMNS);
        MemorySegment weights = Arena.ofAuto().allocate((long) Short.BYTES * COLUMNS * DEPTH, ALIGNMENT);
        fill(weights);
        return () -> worker.execute(product, weights);
    }

    // Of values unlike zero, which some processors multiply with less effort.
    private static void fill(MemorySegment values) {
        for (long i = 0; i < values.byteSize() / Short.BYTES; i++) {
            values.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (ONE + i % 17));
        }
    }
}
