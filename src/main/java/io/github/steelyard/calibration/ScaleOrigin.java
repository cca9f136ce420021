package io.github.steelyard.calibration;

import java.util.Locale;

/// Where the amax behind a scale comes from. It goes with the scale into every output.
public enum ScaleOrigin {
    /// The site's own tokens, or the weight itself.
    MEASURED,
    /// The weight itself: of the multiples of its amax the one with the smallest error.
    SEARCHED,
    /// Another site's measurement, because a server or the recipe wants both to have one scale.
    SHARED,
    /// The expert's own tokens, and others whose router scores came nearest, because it was sent too few.
    TOPPED_UP,
    /// Other experts of the layer, or tokens that were not routed here: the expert saw too few of its own.
    IMPUTED,
    /// The recipe.
    CONSTANT;

    /// Returns the name in files: `measured`, `searched`, `shared`, `topped_up`, `imputed`, `constant`.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
