package io.github.steelyard.mixer;

import io.github.steelyard.model.SequenceLimit;
import io.github.steelyard.work.Lane;
import java.util.Optional;

/// Rotary position embedding: which dimensions of a head are turned, and by what angle at each position.
///
/// Source: `docs/NUMERICS.md`, "Rotary embedding".
public final class Rotary {

    private final float[] inverseFrequencies; // (half), radians per position
    private final float scaling;
    private final boolean interleaved;
    private final Optional<SequenceLimit> limit;

    /// @param inverseFrequencies radians per position of each rotated pair
    /// @param scaling factor on cosine and sine; 1 unless YaRN or LongRoPE
    /// @param interleaved whether a pair is `(2k, 2k+1)` rather than `(k, k + half)`
    public Rotary(float[] inverseFrequencies, float scaling, boolean interleaved) {
        this(inverseFrequencies, scaling, interleaved, Optional.empty());
    }

    /// @param limit the longest sequence that has these frequencies, where they depend on its length
    Rotary(float[] inverseFrequencies, float scaling, boolean interleaved, Optional<SequenceLimit> limit) {
        this.inverseFrequencies = inverseFrequencies.clone();
        this.scaling = scaling;
        this.interleaved = interleaved;
        this.limit = limit;
    }

    /// Returns the longest sequence that has these frequencies, where they depend on its length.
    Optional<SequenceLimit> limit() {
        return limit;
    }

    /// Returns the number of rotated pairs; the first `2 · half` dimensions of a head are turned.
    public int half() {
        return inverseFrequencies.length;
    }

    /// Returns the factor on cosine and sine.
    float scaling() {
        return scaling;
    }

    /// Returns the angle of pair `pair` at position 1, in radians.
    float inverseFrequency(int pair) {
        return inverseFrequencies[pair];
    }

    /// Computes cosines and sines of positions `0 .. positions - 1`.
    public Table table(int positions) {
        int half = half();
        float[] cos = new float[positions * half];
        float[] sin = new float[positions * half];
        for (int position = 0; position < positions; position++) {
            for (int k = 0; k < half; k++) {
                float angle = position * inverseFrequencies[k];
                cos[position * half + k] = (float) StrictMath.cos(angle) * scaling;
                sin[position * half + k] = (float) StrictMath.sin(angle) * scaling;
            }
        }
        return new Table(cos, sin, half, interleaved);
    }

    /// Cosines and sines `(positions, half)`.
    public static final class Table {

        private final float[] cos;
        private final float[] sin;
        private final int half;
        private final boolean interleaved;

        private Table(float[] cos, float[] sin, int half, boolean interleaved) {
            this.cos = cos;
            this.sin = sin;
            this.half = half;
            this.interleaved = interleaved;
        }

        /// Returns the number of positions covered.
        public int positions() {
            return half == 0 ? Integer.MAX_VALUE : cos.length / half;
        }

        /// Turns one head of one token in place.
        public void turn(float[] x, int offset, int position, Lane lane) {
            if (interleaved) {
                lane.kernels().rotateInterleaved(x, offset, cos, sin, position * half, half);
            } else {
                lane.kernels().rotateHalf(x, offset, cos, sin, position * half, half);
            }
        }
    }
}
