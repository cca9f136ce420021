package io.github.steelyard.model;

/// Receives the logits of a pass, a panel of rows and vocabulary columns at a time. Several lanes call it at once,
/// each with sequences of its own; the panels of one row come in ascending vocabulary order.
@FunctionalInterface
public interface HeadConsumer {

    /// Receives one panel.
    ///
    /// @param sequence index of the sequence
    /// @param logits `(tokens, count)`, dense
    /// @param tokens tokens of the sequence
    /// @param from first vocabulary entry of the panel
    /// @param count vocabulary entries in the panel
    void panel(int sequence, float[] logits, int tokens, int from, int count);
}
