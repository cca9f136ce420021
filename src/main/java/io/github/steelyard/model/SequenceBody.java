package io.github.steelyard.model;

import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.Optional;

/// A body that works on one sequence at a time: attention, a recurrence, a dense MLP.
public non-sealed interface SequenceBody extends Body {

    /// Reads and decodes the weights, once for all sequences. The weights pass the tap on the way.
    ///
    /// @param memory where the weights are kept until the frame closes
    /// @param longest number of tokens of the longest sequence to come
    Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest);

    /// Returns the longest sequence that is computed as it was published, if there is a bound.
    default Optional<SequenceLimit> limit() {
        return Optional.empty();
    }

    /// The body with its weights in memory; used by several lanes at once.
    interface Loaded {

        /// Computes the contribution of one sequence.
        ///
        /// @param x the normalised rows `(tokens, hidden)`; may be overwritten
        /// @param y receives the contribution `(tokens, hidden)`
        void forward(float[] x, int tokens, float[] y, Lane lane);
    }
}
