package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class OneDnnGemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("onednn");

    @BeforeEach
    void requireLibrary() {
        Assumptions.assumeTrue(gemm.name().startsWith("onednn-"), gemm.reason());
    }

    @Override
    Gemm gemm() {
        return gemm;
    }

    @Test
    void reason_ofOneDnn_namesTheKernel() {
        assertThat(gemm.reason()).startsWith("brg_matmul:");
    }
}
