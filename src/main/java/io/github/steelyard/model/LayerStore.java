package io.github.steelyard.model;

import io.github.steelyard.work.Workers;
import java.lang.foreign.Arena;

/// Where the residual stream lives between layers, and how far a pass has come.
public interface LayerStore {

    /// Returns the first layer that is still to be run; 0 before the embedding.
    int firstLayer();

    /// Returns the residual stream that enters `layer`.
    HiddenStates input(int layer);

    /// Returns where the residual stream after `layer` goes; may be the input itself.
    HiddenStates output(int layer);

    /// Hears that the output of `layer` is complete, or with -1 that the embedding is.
    ///
    /// @param workers have nothing else to do
    void finished(int layer, Workers workers);

    /// Keeps the stream in memory, in place; a pass over it cannot be resumed.
    static LayerStore inMemory(Arena arena, Sequences sequences, int hidden) {
        return new InPlace(HiddenStates.allocate(arena, sequences.tokens(), hidden), 0);
    }

    /// A stream that every layer changes in place.
    ///
    /// @param states the stream
    /// @param firstLayer where a pass over it begins
    record InPlace(HiddenStates states, int firstLayer) implements LayerStore {

        @Override
        public HiddenStates input(int layer) {
            return states;
        }

        @Override
        public HiddenStates output(int layer) {
            return states;
        }

        @Override
        public void finished(int layer, Workers workers) {}
    }
}
