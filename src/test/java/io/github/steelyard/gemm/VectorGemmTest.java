package io.github.steelyard.gemm;

final class VectorGemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("vector");

    @Override
    Gemm gemm() {
        return gemm;
    }
}
