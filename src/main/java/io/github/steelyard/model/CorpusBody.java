package io.github.steelyard.model;

/// A body that works on the tokens of all sequences at once, so that each of its weights is read once: sparse MoE.
public non-sealed interface CorpusBody extends Body {

    /// Adds the contribution of every token.
    ///
    /// @param norm the norm that goes before this body
    /// @param in the residual stream before the block `(tokens, hidden)`
    /// @param out receives `in + body(norm(in))`; may be `in` itself
    void forward(Norm.Loaded norm, HiddenStates in, HiddenStates out, CorpusContext context);

    /// Returns the number of experts that each token is sent to.
    int routes();

    /// Returns the floats of the weights that all workers share.
    long sharedFloats();

    /// Returns the floats of scratch memory that one worker needs.
    ///
    /// @param longest tokens of the longest sequence
    long laneFloats(int longest);

    /// Returns the floats of what workers hand to one another: weights that one has packed, rows that wait.
    ///
    /// @param tokens tokens of all sequences
    long handedFloats(long tokens, int threads);
}
