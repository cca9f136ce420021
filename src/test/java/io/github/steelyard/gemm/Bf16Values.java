package io.github.steelyard.gemm;

/// Values of bf16, for tests.
final class Bf16Values {

    private Bf16Values() {}

    /// Returns the value cut off after 8 significant bits.
    static float rounded(float x) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(x) & 0xffff_0000);
    }
}
