package io.github.steelyard.job;

import io.github.steelyard.gemm.Bf16Peak;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.gemm.Peak;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.work.PhaseTotals;
import java.util.Locale;
import java.util.OptionalLong;

/// How forward passes are computed: no result depends on it, apart from rounding by the choice of arithmetic.
///
/// @param threads most worker threads, 1 to [#MOST_THREADS]; fewer are taken where memory does not suffice
/// @param gemm name of the matrix product, one of [Gemm#names]; `auto` goes by what the processor is
/// @param kernels other arithmetic: `auto` or `reference`
/// @param memory bytes that the process may hold; empty: what the JVM's heap allows
public record Compute(int threads, String gemm, String kernels, OptionalLong memory) {

    /// Most worker threads.
    public static final int MOST_THREADS = 1024;

    private static final String AUTO = "auto";
    // The JVM leaves one of its survivor spaces out when it says how large the heap may be: at most a third of the
    // young generation that the launcher sets.
    private static final long SURVIVOR_SPACE = 22L << 20;

    /// @throws IllegalArgumentException if the number of threads is outside its range
    public Compute {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "threads must be 1 to %d, found %d", MOST_THREADS, threads));
        }
    }

    /// Returns what suits this machine: one thread for each processor, the fastest arithmetic.
    public static Compute ofMachine() {
        return new Compute(defaultThreads(), AUTO, AUTO, OptionalLong.empty());
    }

    /// Returns one thread for each processor.
    public static int defaultThreads() {
        return Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
    }

    /// Returns the same with another number of threads.
    public Compute withThreads(int count) {
        return new Compute(count, gemm, kernels, memory);
    }

    /// Returns whether the matrix product is chosen by what the processor is.
    boolean isProductChosen() {
        return gemm.equals(AUTO);
    }

    /// Returns the matrix product.
    ///
    /// @throws RequestException if there is none of this name
    public Gemm product() {
        try {
            return Gemm.select(gemm);
        } catch (IllegalArgumentException e) {
            throw new RequestException("--gemm: " + e.getMessage());
        }
    }

    /// Returns the other arithmetic.
    ///
    /// @throws RequestException if there is none of this name
    public Kernels arithmetic() {
        return switch (kernels) {
            case AUTO -> Kernels.fastest();
            case "reference" -> Kernels.reference();
            default -> throw new RequestException("--kernels '%s': expected auto or reference".formatted(kernels));
        };
    }

    /// Measures for about two seconds what the machine can compute.
    public static Peak peak(Gemm gemm, int threads) {
        return Peak.measure(gemm, threads, new PhaseTotals()::now);
    }

    /// Measures for about a second what oneDNN computes in bf16.
    public static Bf16Peak bf16Peak(int threads) {
        return Bf16Peak.measure(threads, new PhaseTotals()::now);
    }

    /// Makes sure that the memory suffices for all workers.
    ///
    /// @throws ResourceException if it does not; it says how much would do
    public void requireMemory(MemoryPlan plan) {
        long heap = heap();
        if (plan.threadsWithin(heap, threads) < threads) {
            throw new ResourceException(String.format(
                    Locale.ROOT,
                    "not enough memory: %d workers need at least --memory %dM, given are %dM",
                    threads,
                    plan.mebibytes(threads),
                    (heap + MemoryPlan.OUTSIDE_HEAP) >> 20));
        }
    }

    private long heap() {
        long heap = Runtime.getRuntime().maxMemory() + SURVIVOR_SPACE;
        return memory.isPresent() ? Math.min(heap, memory.getAsLong() - MemoryPlan.OUTSIDE_HEAP) : heap;
    }

    /// Returns how many workers fit into the memory, and says so where they are fewer than wanted.
    ///
    /// @throws ResourceException if not even one does; it says how much would do
    public int threadsWithin(MemoryPlan plan, JobListener listener) {
        long heap = heap();
        int fitting = plan.threadsWithin(heap, threads);
        if (fitting == 0) {
            throw new ResourceException(String.format(
                    Locale.ROOT,
                    "not enough memory: this needs at least --memory %dM, given are %dM",
                    plan.mebibytes(1),
                    (heap + MemoryPlan.OUTSIDE_HEAP) >> 20));
        }
        if (fitting < threads) {
            listener.note(String.format(
                    Locale.ROOT,
                    "note: memory suffices for %d of %d worker threads; %dM would do for all",
                    fitting,
                    threads,
                    plan.mebibytes(threads)));
        }
        return fitting;
    }
}
