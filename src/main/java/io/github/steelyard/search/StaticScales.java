package io.github.steelyard.search;

import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Nvfp4;
import java.util.Locale;

/// The scales of NVFP4 blocks whose amax is chosen, ModelOpt's static blocks, under one amax `g` of the tensor.
///
/// With `A = g · (448 / m) / 6`, `t = 448 · (1 / A)` (PyTorch's number over tensor), all in float32:
///
/// | | |
/// |---|---|
/// | searched with | `e4m3(clamp((a / 6) · t, 448)) · (1 / t)` |
/// | written | `e4m3(clamp((a / 6) · m / (g / 6), 2^-9, 448))`, where a block of zeros has `a / 6 = 1` |
///
/// Both round the same quotient and seldom differ, where BF16 weights make ties. Source: MODELOPT.
///
/// @param globalAmax `g`, the amax of the tensor or of all that share a global scale, positive and finite
/// @param largest `m`, the scale of a block with the amax `g`: 448, or 256 for four-over-six, which leaves room above
public record StaticScales(float globalAmax, float largest) {

    /// `m` where blocks may end at 4 instead of 6.
    public static final float FOUR_OVER_SIX = 256;

    /// @throws IllegalArgumentException if `globalAmax` is not positive and finite, or `largest` is neither
    public StaticScales {
        if (!(globalAmax > 0) || Float.isInfinite(globalAmax) || (largest != E4m3.MAX && largest != FOUR_OVER_SIX)) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "no static block scales for amax %s under %s", globalAmax, largest));
        }
    }

    /// Returns the scale that a search tries for a block with this amax; 0 where it rounds to that.
    public float tried(float blockAmax) {
        float factor = factor();
        return E4m3.round(blockAmax / E2m1.MAX * factor) * (1 / factor);
    }

    /// Returns the E4M3 code that is written for a block with this amax.
    public int written(float blockAmax) {
        return Nvfp4.staticBlockScale(blockAmax, globalAmax, largest);
    }

    /// Returns the amax of a block under the E4M3 code, one of the candidates of the sweep: `g · (e4m3 / 448)`.
    public float swept(int code) {
        return globalAmax * (E4m3.decode(code) / E4m3.MAX);
    }

    private float factor() {
        return E4m3.MAX * (1 / (globalAmax * (E4m3.MAX / largest) / E2m1.MAX));
    }
}
