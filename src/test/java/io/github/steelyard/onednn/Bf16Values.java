package io.github.steelyard.onednn;

/// Values of bf16, for tests.
public final class Bf16Values {

    private Bf16Values() {}

    /// Returns the value cut off after 8 significant bits.
    public static float rounded(float x) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(x) & 0xffff_0000);
    }
}
