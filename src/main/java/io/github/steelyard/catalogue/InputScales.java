package io.github.steelyard.catalogue;

import java.util.Locale;

/// What a backend does with the calibrated input scales of a layer's experts.
public enum InputScales {
    /// Each expert keeps its own (the larger of gate and up for w13).
    PER_EXPERT,
    /// The maximum over all experts of the layer serves every expert.
    LAYER_MAXIMUM,
    /// They are not used: the backend computes with high-precision inputs.
    DROPPED,
    /// The backend puts its own constant in their place.
    OVERWRITTEN,
    /// The scheme computes its scales at run time; there are none to calibrate.
    AT_RUN_TIME,
    /// The inputs are not quantised.
    NOT_USED;

    static InputScales of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /// Returns the word used in files: `per-expert`, `layer-maximum`, …
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
