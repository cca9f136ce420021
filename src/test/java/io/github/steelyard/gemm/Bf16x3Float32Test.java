package io.github.steelyard.gemm;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;

/// The contract with computed weights, which the product leaves to float32.
final class Bf16x3Float32Test extends GemmContract {

    private final Gemm gemm = Gemm.select("onednn-bf16x3");

    @BeforeEach
    void requireLibrary() {
        Assumptions.assumeTrue(gemm.name().startsWith("onednn-bf16x3-"), gemm.reason());
    }

    @Override
    Gemm gemm() {
        return gemm;
    }
}
