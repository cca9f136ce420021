package io.github.steelyard.loader;

import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig.Method;
import java.util.Set;

/// What a loader does with parts of a checkpoint that have all this in common. An empty set asks for nothing.
///
/// @param effect how bad it is
/// @param kinds what the part is
/// @param methods who wrote the config
/// @param weights formats of the weight, or of the cache
/// @param inputs how the input is quantised
/// @param modelTypes model types
/// @param traits what the part must have, all of them
/// @param without what the part must not have
/// @param says what the server does, in a sentence without a subject
public record LoaderRule(
        Effect effect,
        Set<LoadedPart.Kind> kinds,
        Set<Method> methods,
        Set<String> weights,
        Set<Input> inputs,
        Set<String> modelTypes,
        Set<Trait> traits,
        Set<Trait> without,
        String says) {

    /// How bad it is.
    public enum Effect {
        /// The server does not start.
        REFUSES,
        /// It starts, and computes something else than was exported.
        MISREADS,
        /// It makes other numbers of what it reads, close to these.
        CHANGES,
        /// It does not read what is there.
        IGNORES
    }

    /// Returns whether the rule speaks of this part.
    public boolean speaksOf(LoadedPart part) {
        return has(kinds, part.kind())
                && has(methods, part.method())
                && has(weights, part.weight())
                && has(inputs, part.input())
                && has(modelTypes, part.modelType())
                && part.traits().containsAll(traits)
                && without.stream().noneMatch(part.traits()::contains);
    }

    private static <T> boolean has(Set<T> wanted, T found) {
        return wanted.isEmpty() || wanted.contains(found);
    }
}
