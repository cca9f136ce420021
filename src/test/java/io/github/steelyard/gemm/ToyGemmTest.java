package io.github.steelyard.gemm;

final class ToyGemmTest extends GemmContract {

    private final Gemm gemm = Gemm.select("toy");

    @Override
    Gemm gemm() {
        return gemm;
    }
}
