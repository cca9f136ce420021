package io.github.steelyard.model;

import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.Workers;
import java.lang.foreign.Arena;

/// What a [CorpusBody] works with.
///
/// @param sequences the sequences of the pass
/// @param weights the checkpoint's weights
/// @param workers the worker threads
/// @param layerMemory scratch for weights that all workers share
/// @param rows scratch rows as large as the corpus
/// @param listener hears what the router chose
public record CorpusContext(
        Sequences sequences,
        Weights weights,
        Workers workers,
        Scratch layerMemory,
        CorpusRows rows,
        EngineListener listener) {

    /// Hands out rows outside the Java heap.
    @FunctionalInterface
    public interface RowMemory {

        /// Anonymous memory.
        RowMemory ANONYMOUS = (arena, purpose, tokens, width) -> HiddenStates.allocate(arena, tokens, width);

        /// Returns rows `(tokens, width)` with undefined contents that live as long as `arena`.
        ///
        /// @param purpose a word that tells apart rows which are in use at the same time
        HiddenStates rows(Arena arena, String purpose, long tokens, int width);
    }
}
