package io.github.steelyard.loader;

import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig.Method;
import java.util.EnumSet;
import java.util.Set;

/// A part of a checkpoint as a loader meets it.
///
/// @param name the module, or the file of the config
/// @param kind what it is
/// @param method who wrote the config
/// @param weight the format of the weight, or of the cache; of ModelOpt's config an algorithm that it names, in
///     capitals, of any config nothing
/// @param input how the input is quantised as declared; of a cache, whether it has scales
/// @param modelType `model_type` of the config
/// @param traits the rest
public record LoadedPart(
        String name, Kind kind, Method method, String weight, Input input, String modelType, Set<Trait> traits) {

    /// What a part is.
    public enum Kind {
        LINEAR,
        EXPERT,
        ROUTER,
        HEAD,
        CACHE,
        CONFIG
    }

    public LoadedPart {
        traits = Set.copyOf(traits);
    }

    static Set<Trait> none() {
        return EnumSet.noneOf(Trait.class);
    }
}
