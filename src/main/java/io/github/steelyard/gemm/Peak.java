package io.github.steelyard.gemm;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;

/// What this machine can compute, measured in this process, in float32 operations per second. Each thread repeats a
/// short piece of work and its best repetition counts; the threads run at the same time and are added up.
///
/// @param fmaPerCore rate of a loop of fused multiply-adds in registers, on one thread; empty without SIMD
/// @param fmaAllThreads the same on all threads at once; empty without SIMD
/// @param gemmAllThreads rate of the matrix product on all threads, one product per thread, on packed weights
public record Peak(OptionalDouble fmaPerCore, OptionalDouble fmaAllThreads, double gemmAllThreads) {

    private static final long NANOS_PER_PART = 400_000_000;
    private static final int FMA_ITERATIONS = 10_000;

    // A product whose operands fit the cache of one core.
    private static final int GEMM_ROWS = 256;
    private static final int GEMM_COLUMNS = 512;
    private static final int GEMM_DEPTH = 512;

    /// Measures for about two seconds, compilation included.
    ///
    /// @param clock nanoseconds, for example `System::nanoTime`
    public static Peak measure(Gemm gemm, int threads, LongSupplier clock) {
        OptionalDouble perCore = OptionalDouble.empty();
        OptionalDouble all = OptionalDouble.empty();
        if (Kernels.fastest() instanceof VectorKernels) {
            Callable<Double> fma = () -> best(clock, VectorPeak.flops(FMA_ITERATIONS), () -> {
                if (Float.isNaN(VectorPeak.run(FMA_ITERATIONS))) {
                    throw new IllegalStateException("the peak loop diverged");
                }
            });
            onThreads(threads, fma); // until it is compiled
            perCore = OptionalDouble.of(onThreads(1, fma));
            all = OptionalDouble.of(onThreads(threads, fma));
        }
        Callable<Double> product = () -> gemmRate(gemm, clock);
        onThreads(threads, product); // until it is compiled
        return new Peak(perCore, all, onThreads(threads, product));
    }

    private static double gemmRate(Gemm gemm, LongSupplier clock) {
        Matrix a = Matrix.dense(ramp(GEMM_ROWS * GEMM_DEPTH), GEMM_ROWS, GEMM_DEPTH);
        // As stored weights are: of values that a product may keep as bf16.
        PlainWeight b = PlainWeight.ofFloats(ramp(GEMM_COLUMNS * GEMM_DEPTH), GEMM_COLUMNS, GEMM_DEPTH);
        Matrix c = Matrix.dense(new float[GEMM_ROWS * GEMM_COLUMNS], GEMM_ROWS, GEMM_COLUMNS);
        double flops = 2.0 * GEMM_ROWS * GEMM_COLUMNS * GEMM_DEPTH;
        try (Workspace workspace = new Workspace();
                PackedWeight weight = new PackedWeight()) {
            gemm.pack(List.of(b), Kernels.fastest(), RowListener.NONE, weight, workspace);
            return best(clock, flops, () -> gemm.multiplyPacked(a, weight.all(), Update.SET, c, workspace));
        }
    }

    private static float[] ramp(int length) {
        float[] x = new float[length];
        for (int i = 0; i < length; i++) {
            x[i] = (i % 17 - 8) / 8f;
        }
        return x;
    }

    static double best(LongSupplier clock, double flops, Runnable work) {
        double best = 0;
        long start = clock.getAsLong();
        long before = start;
        while (before - start < NANOS_PER_PART) {
            work.run();
            long after = clock.getAsLong();
            best = Math.max(best, flops * 1e9 / Math.max(1, after - before));
            before = after;
        }
        return best;
    }

    static double onThreads(int threads, Callable<Double> task) {
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<Double>> rates = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                rates.add(executor.submit(task));
            }
            double sum = 0;
            for (Future<Double> rate : rates) {
                sum += rate.get();
            }
            return sum;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring the peak", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("the peak could not be measured", e);
        }
    }
}
