package io.github.steelyard.gemm;

final class ReferenceGemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("reference");

    @Override
    Gemm gemm() {
        return gemm;
    }
}
