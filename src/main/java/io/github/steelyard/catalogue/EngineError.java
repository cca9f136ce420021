package io.github.steelyard.catalogue;

/// The errors of an engine when a selection fails.
public enum EngineError {
    /// A request cannot be met.
    VALUE_ERROR("ValueError"),
    /// Nothing is left to try.
    NOT_IMPLEMENTED_ERROR("NotImplementedError");

    private final String label;

    EngineError(String label) {
        this.label = label;
    }

    /// Returns the error's name in the engine.
    public String label() {
        return label;
    }
}
