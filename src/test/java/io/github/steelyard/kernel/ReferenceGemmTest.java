package io.github.steelyard.kernel;

final class ReferenceGemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("reference");

    @Override
    Gemm gemm() {
        return gemm;
    }
}
