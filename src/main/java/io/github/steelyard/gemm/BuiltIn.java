package io.github.steelyard.gemm;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.ReferenceKernels;
import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.onednn.Bf16x3Gemm;
import io.github.steelyard.onednn.OneDnnGemm;
import java.util.Locale;

/// The products of this jar, by the names that `--gemm` has for them.
enum BuiltIn {
    ONEDNN,
    ONEDNN_BF16X3,
    VECTOR,
    REFERENCE;

    /// Returns what `--gemm` calls it.
    String option() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Loads it.
    ///
    /// @throws UnavailableException if it cannot run here
    MatrixProduct open() throws UnavailableException {
        return switch (this) {
            case ONEDNN -> OneDnnGemm.load(Kernels.fastest());
            case ONEDNN_BF16X3 -> Bf16x3Gemm.load(Kernels.fastest());
            case VECTOR ->
                switch (Kernels.fastest()) {
                    case VectorKernels vector -> VectorGemm.ofMachine();
                    case ReferenceKernels reference -> throw new UnavailableException("has " + reference.reason());
                };
            case REFERENCE -> new ReferenceGemm();
        };
    }
}
