package io.github.steelyard.range;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;

/// Fake quantization of magnitudes under an amax `a`, as ModelOpt computes it in float32: FP8 with `s = 448 · (1 / a)`
/// as
/// `e4m3(min(x · s, 448)) · (1 / s)`, INT8 with `s = 127 / a` as `min(rint(x · s), 127) / s`. It never falls as `x`
/// grows, so the bins that become one code lie side by side.
///
/// @param fp8 whether it is FP8, else INT8
/// @param factor `s`
record Codes(boolean fp8, float factor) {

    private static final int LARGEST_INTEGER = 127;

    /// @throws IllegalArgumentException if values of `format` have no codes without block scales
    static Codes of(Format format, float amax) {
        if (format == Format.FP8) {
            return new Codes(true, E4m3.MAX * (1 / amax));
        }
        if (format == Format.INT8) {
            return new Codes(false, LARGEST_INTEGER / amax);
        }
        throw new IllegalArgumentException("%s has block scales".formatted(format));
    }

    /// Returns how many magnitudes there are, 0 among them.
    int count() {
        return fp8 ? E4m3.NAN_CODE : LARGEST_INTEGER + 1;
    }

    /// Returns the code of a magnitude.
    int of(float magnitude) {
        float scaled = magnitude * factor;
        return fp8 ? E4m3.encode(scaled) : (int) Math.min(Math.rint(scaled), LARGEST_INTEGER);
    }

    /// Returns what a code stands for.
    float value(int code) {
        return fp8 ? E4m3.decode(code) * (1 / factor) : code / factor;
    }

    /// Returns the first of the bins `from`, …, `to - 1` whose middle has `code` or a larger one; `to` if there is
    /// none.
    ///
    /// @param code above 0
    /// @param width of a bin
    int first(Magnitudes middles, int code, int from, int to, double width) {
        int at = (int) Math.clamp((value(code - 1) + value(code)) / 2 / width, from, to); // there, or nearly
        while (at > from && of(middles.at(at - 1)) >= code) {
            at--;
        }
        while (at < to && of(middles.at(at)) < code) {
            at++;
        }
        return at;
    }

    /// Magnitudes that grow.
    @FunctionalInterface
    interface Magnitudes {

        /// Returns the one with this index.
        float at(int index);
    }
}
