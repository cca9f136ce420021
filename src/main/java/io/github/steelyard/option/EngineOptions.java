package io.github.steelyard.option;

import io.github.steelyard.console.MemorySize;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.job.Compute;
import java.util.Iterator;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// How the forward pass is computed: options that no result depends on, apart from rounding by the choice of kernels.
public final class EngineOptions {

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Worker threads (default: one for each processor). Results do not depend on it.")
    int threads = Compute.defaultThreads();

    @Option(
            names = "--gemm",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            completionCandidates = GemmNames.class,
            description = {
                "Matrix product: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}, by what the processor is).",
                "onednn-bf16x3 is float32 too, from three bf16 products: fast on processors with AMX."
            },
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

    /// Returns the options as a job takes them.
    public Compute compute() {
        return new Compute(
                threads, gemm, kernels, memory == null ? OptionalLong.empty() : OptionalLong.of(memory.bytes()));
    }
}
