package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.InputScales;
import io.github.steelyard.catalogue.Visibility;
import java.util.List;
import java.util.Optional;

/// A backend was found.
///
/// @param backend the backend's name
/// @param experts the expert class; empty when the platform serves the layer by itself
/// @param monolithic whether the kernel routes by itself
/// @param w13Input whether the input of the first product can be observed
/// @param w2Input whether the input of the second product can be observed
/// @param inputScales what the backend does with calibrated input scales
/// @param choice who asked for it
/// @param candidates the candidates in order
/// @param rejected the candidates rejected before
/// @param notes what is worth knowing besides
public record Selection(
        String backend,
        Optional<String> experts,
        boolean monolithic,
        Visibility w13Input,
        Visibility w2Input,
        InputScales inputScales,
        Optional<Choice> choice,
        List<String> candidates,
        List<Rejection> rejected,
        List<String> notes)
        implements Decision {

    public Selection {
        candidates = List.copyOf(candidates);
        rejected = List.copyOf(rejected);
        notes = List.copyOf(notes);
    }
}
