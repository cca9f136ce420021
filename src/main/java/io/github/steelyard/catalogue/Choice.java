package io.github.steelyard.catalogue;

import java.util.Locale;

/// A backend that somebody asked for, and where they did.
///
/// @param name the backend's user-facing name, such as `triton`; `auto` leaves the choice to the engine
/// @param source where it was asked: `--moe-backend`, `--moe-backend.fp8`, `recipe`, …
public record Choice(String name, String source) {

    private static final String AUTO = "auto";

    public Choice {
        name = name.toLowerCase(Locale.ROOT).replace('-', '_');
    }

    boolean isAuto() {
        return name.equals(AUTO);
    }
}
