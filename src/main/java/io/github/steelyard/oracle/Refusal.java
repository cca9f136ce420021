package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.EngineError;
import java.util.List;
import java.util.Optional;

/// No backend serves the layer, or not the one that was asked for.
///
/// @param kind the engine's error
/// @param reason the engine's message, with every rejection and with the place of the request
/// @param choice who asked for a backend
/// @param candidates the candidates in order
/// @param rejected the rejected candidates
/// @param notes what is worth knowing besides
public record Refusal(
        EngineError kind,
        String reason,
        Optional<Choice> choice,
        List<String> candidates,
        List<Rejection> rejected,
        List<String> notes)
        implements Decision {

    public Refusal {
        candidates = List.copyOf(candidates);
        rejected = List.copyOf(rejected);
        notes = List.copyOf(notes);
    }
}
