package io.github.steelyard.oracle;

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
        Kind kind,
        String reason,
        Optional<Choice> choice,
        List<String> candidates,
        List<Rejection> rejected,
        List<String> notes)
        implements Decision {

    /// The engine's errors.
    public enum Kind {
        /// A request cannot be met.
        VALUE_ERROR("ValueError"),
        /// Nothing is left to try.
        NOT_IMPLEMENTED_ERROR("NotImplementedError");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /// Returns the error's name in the engine.
        public String label() {
            return label;
        }
    }

    public Refusal {
        candidates = List.copyOf(candidates);
        rejected = List.copyOf(rejected);
        notes = List.copyOf(notes);
    }
}
