package io.github.steelyard.cli;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.MemoryPlan;
import java.util.Iterator;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// How the forward pass is computed: options that no result depends on, apart from rounding by the choice of kernels.
final class EngineOptions {

    // The JVM leaves one of its survivor spaces out when it says how large the heap may be: at most a third of the
    // young generation that the launcher sets.
    private static final long SURVIVOR_SPACE = 22L << 20;

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Worker threads (default: one for each processor). Results do not depend on it.")
    int threads = defaultThreads();

    @Option(
            names = "--gemm",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            completionCandidates = GemmNames.class,
            description = "Matrix product: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).",
            defaultValue = "auto")
    String gemm = "auto";

    @Option(
            names = "--kernels",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Other arithmetic: auto or reference (default: ${DEFAULT-VALUE}).",
            defaultValue = "auto")
    String kernels = "auto";

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            converter = MemorySize.Converter.class,
            description = "Memory that the process may hold, such as 2G (default: half of the machine).")
    @Nullable
    MemorySize memory;

    /// What is built in, and what the class path adds.
    static final class GemmNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Gemm.names().iterator();
        }
    }

    /// Returns one thread for each processor.
    static int defaultThreads() {
        return Math.min(Arguments.Threads.MOST, Runtime.getRuntime().availableProcessors());
    }

    /// Returns how many workers fit into the memory.
    ///
    /// @throws ResourceException if not even one does; it says how much would do
    int threadsWithin(MemoryPlan plan, Console console) {
        long heap = Runtime.getRuntime().maxMemory() + SURVIVOR_SPACE;
        if (memory != null) {
            heap = Math.min(heap, memory.bytes() - MemoryPlan.OUTSIDE_HEAP);
        }
        int fitting = plan.threadsWithin(heap, threads);
        if (fitting == 0) {
            long given = memory == null ? heap + MemoryPlan.OUTSIDE_HEAP : memory.bytes();
            throw new ResourceException(String.format(
                    Locale.ROOT,
                    "not enough memory: this needs at least --memory %dM, given are %dM",
                    plan.mebibytes(1),
                    given >> 20));
        }
        if (fitting < threads) {
            console.note(String.format(
                    Locale.ROOT,
                    "note: memory suffices for %d of %d worker threads; %dM would do for all",
                    fitting,
                    threads,
                    plan.mebibytes(threads)));
        }
        return fitting;
    }

    Gemm gemm() {
        try {
            return Gemm.select(gemm);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--gemm: " + e.getMessage());
        }
    }

    Kernels kernels() {
        return switch (kernels) {
            case "auto" -> Kernels.fastest();
            case "reference" -> Kernels.reference();
            default -> throw new UsageException("--kernels '%s': expected auto or reference".formatted(kernels));
        };
    }
}
