package io.github.steelyard.cli;

import io.github.steelyard.kernel.Gemm;
import io.github.steelyard.kernel.Kernels;
import picocli.CommandLine.Option;

/// How the forward pass is computed: options that no result depends on, apart from rounding by the choice of kernels.
final class EngineOptions {

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Worker threads (default: one for each processor). Results do not depend on it.")
    int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--gemm",
            paramLabel = "NAME",
            description = "Matrix product: auto, onednn, vector or reference (default: ${DEFAULT-VALUE}).",
            defaultValue = "auto")
    String gemm = "auto";

    @Option(
            names = "--kernels",
            paramLabel = "NAME",
            description = "Other arithmetic: auto or reference (default: ${DEFAULT-VALUE}).",
            defaultValue = "auto")
    String kernels = "auto";

    Gemm gemm() {
        return Gemm.select(gemm);
    }

    Kernels kernels() {
        return switch (kernels) {
            case "auto" -> Kernels.fastest();
            case "reference" -> Kernels.reference();
            default ->
                throw new IllegalArgumentException("--kernels '%s': expected auto or reference".formatted(kernels));
        };
    }
}
