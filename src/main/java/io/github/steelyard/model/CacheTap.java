package io.github.steelyard.model;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.work.Lane;
import java.util.List;

/// Shows keys and values to the tap as the cache would hold them.
///
/// @param key site of the keys
/// @param value site of the values
public record CacheTap(Site key, Site value) {

    public static CacheTap of(ModuleInfo attention) {
        return new CacheTap(new Site(attention.name(), Role.KEY), new Site(attention.name(), Role.VALUE));
    }

    /// Shows the tap what is cached of one sequence.
    ///
    /// @param k dense rows `(tokens, keyWidth)`; an altering tap changes them in place
    /// @param v dense rows `(tokens, valueWidth)`
    public void show(float[] k, int keyWidth, float[] v, int valueWidth, int tokens, Lane lane) {
        if (lane.tap().watches(Role.KEY)) {
            lane.show(List.of(key), k, 0, tokens, keyWidth);
        }
        if (lane.tap().watches(Role.VALUE)) {
            lane.show(List.of(value), v, 0, tokens, valueWidth);
        }
    }
}
