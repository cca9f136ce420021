package io.github.steelyard.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What an amax is multiplied with to make the candidates of a search, ascending.
///
/// @param values positive and finite, ascending
public record Multipliers(List<Float> values) {

    /// More than anybody tries; a step of a millionth is a slip of the pen.
    private static final int MOST = 4096;

    /// @throws IllegalArgumentException if there is none, or one that is not positive and finite
    public Multipliers {
        values = List.copyOf(values);
        if (values.isEmpty() || values.stream().anyMatch(value -> !(value > 0) || Float.isInfinite(value))) {
            throw new IllegalArgumentException("multipliers must be positive and finite, found %s".formatted(values));
        }
    }

    /// Returns `ceil((stop - start) / step) + 1` values from `start` to `stop`, both included, as PyTorch's `linspace`
    /// has them: with the step `d` between them in float32, the first half `fma(d, i, start)`, the other
    /// `fma(-d, n - 1 - i, stop)`. Source: MODELOPT, `mse`.
    ///
    /// @throws IllegalArgumentException if these are more than 4096, or not positive and finite
    public static Multipliers spaced(double start, double stop, double step) {
        double steps = Math.ceil((stop - start) / step);
        if (!(steps >= 0) || steps >= MOST) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "multipliers from %s to %s in steps of %s are %.0f, at most %d are tried",
                    start,
                    stop,
                    step,
                    steps + 1,
                    MOST));
        }
        int count = (int) steps + 1;
        float first = (float) start;
        float last = (float) stop;
        float distance = count == 1 ? 0 : (last - first) / (count - 1);
        List<Float> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(i < count / 2 ? Math.fma(distance, i, first) : Math.fma(-distance, count - 1 - i, last));
        }
        if (count == 1) {
            values.set(0, first);
        }
        return new Multipliers(values);
    }

    /// Returns the values as an array.
    public float[] toArray() {
        float[] array = new float[values.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = values.get(i);
        }
        return array;
    }
}
