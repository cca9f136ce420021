package io.github.steelyard.catalogue;

import java.util.Map;
import java.util.Optional;

/// What the user asked of the selection: a backend for all formats, backends for single formats, and the environment.
///
/// @param backend for every format that `perFormat` does not name
/// @param perFormat by format; `bf16` is accepted for `unquantized`
/// @param environment the engine's environment variables that are set
/// @param batchInvariant whether results must not depend on the batch
public record Preference(
        Optional<Choice> backend,
        Map<String, Choice> perFormat,
        Map<String, String> environment,
        boolean batchInvariant) {

    public Preference {
        perFormat = Map.copyOf(perFormat);
        environment = Map.copyOf(environment);
    }

    /// Nothing asked for.
    public static Preference none() {
        return new Preference(Optional.empty(), Map.of(), Map.of(), false);
    }

    /// One backend for every format.
    public static Preference of(String name, String source) {
        return new Preference(Optional.of(new Choice(name, source)), Map.of(), Map.of(), false);
    }

    /// The same environment with one backend asked for every format.
    public Preference asking(Choice choice) {
        return new Preference(Optional.of(choice), Map.of(), environment, batchInvariant);
    }

    /// Returns what was asked for one format; empty when the engine is to choose.
    public Optional<Choice> choiceFor(String format) {
        Choice own = perFormat.get(format);
        if (own == null && format.equals("unquantized")) {
            own = perFormat.get("bf16");
        }
        return Optional.ofNullable(own).or(() -> backend).filter(choice -> !choice.isAuto());
    }
}
