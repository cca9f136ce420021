package io.github.steelyard.solve;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Consumer;

/// The desks of a pass: as many as threads work at once, each used by one at a time.
public final class Desks implements AutoCloseable {

    private final Kernels kernels;
    private final Gemm gemm;
    private final ConcurrentLinkedDeque<Desk> free = new ConcurrentLinkedDeque<>();

    public Desks(Kernels kernels, Gemm gemm) {
        this.kernels = kernels;
        this.gemm = gemm;
    }

    /// Does something at a free desk, or at a new one.
    public void use(Consumer<Desk> work) {
        Desk desk = free.pollFirst();
        if (desk == null) {
            desk = new Desk(kernels, gemm);
        }
        try {
            work.accept(desk);
        } finally {
            free.addFirst(desk);
        }
    }

    @Override
    public void close() {
        free.forEach(Desk::close);
        free.clear();
    }
}
