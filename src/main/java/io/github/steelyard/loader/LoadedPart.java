package io.github.steelyard.loader;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/// A part of a checkpoint as a loader meets it.
///
/// @param name the module, or the file of the config
/// @param kind what it is
/// @param method who wrote the config: `modelopt`, `compressed-tensors`, `fp8`, …, `none`
/// @param weight the format of the weight, or of the cache; of ModelOpt's config an algorithm that it names, in
///     capitals, of any config nothing
/// @param input `static`, `dynamic` or `none`: how the input is quantised as declared
/// @param modelType `model_type` of the config
/// @param traits the rest
public record LoadedPart(
        String name, Kind kind, String method, String weight, String input, String modelType, Set<Trait> traits) {

    /// What a part is.
    public enum Kind {
        LINEAR,
        EXPERT,
        ROUTER,
        HEAD,
        CACHE,
        CONFIG;

        /// Returns the word for it in the files of loaders.
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public LoadedPart {
        traits = Set.copyOf(traits);
    }

    /// Returns whether there is no codes in it.
    public boolean isPlain() {
        return weight.equals("PLAIN");
    }

    static Set<Trait> none() {
        return EnumSet.noneOf(Trait.class);
    }
}
