package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.NativePanels;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.Arrays;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The contract with weights outside the heap, whatever this processor likes best.
final class VectorAlignedGemmTest extends GemmContract {

    private final Gemm gemm = GemmSelection.withSmall(new VectorGemm(true), "");

    @BeforeEach
    void requireWideVectors() {
        Assumptions.assumeTrue(
                Kernels.fastest() instanceof VectorKernels vector && vector.bits() == 512,
                "vectors are not of 512 bits");
    }

    @Override
    Gemm gemm() {
        return gemm;
    }

    @Test
    void weightsOnAndOffTheHeap_giveTheSameBits() {
        Gemm heap = GemmSelection.withSmall(new VectorGemm(false), "");
        Workspace own = new Workspace();
        for (int[] extents : new int[][] {{1, 64, 64}, {7, 100, 1100}, {64, 200, 2050}, {67, 129, 33}}) {
            Matrix a = normal(1, extents[0], extents[2]);
            Matrix w = normal(2, extents[1], extents[2]);
            Matrix wanted = zeros(extents[0], extents[1]);
            PackedWeight packed = new PackedWeight();
            heap.pack(w, packed, own);
            heap.multiplyPacked(a, packed.all(), Update.SET, wanted, own);
            assertThat(product(a, w).values()).as(Arrays.toString(extents)).isEqualTo(wanted.values());
        }
    }

    @Test
    void panels_beginAtCacheLines() {
        NativePanels panels = new NativePanels();
        panels.reset(1000, 10);
        assertThat(panels.values().address() % 64).isZero();
        panels.close();
    }
}
