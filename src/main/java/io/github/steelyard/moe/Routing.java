package io.github.steelyard.moe;

/// How a router turns its logits into chosen experts and their weights. Ties go to the lower index.
///
/// Source: `docs/NUMERICS.md`, "Routers".
public sealed interface Routing {

    /// Returns the number of experts that each token is sent to.
    int chosen();

    /// Softmax over all experts, then the largest; optionally divided by their sum.
    record Softmax(int chosen, boolean renormalise) implements Routing {}

    /// The largest `chosen` of all softmax probabilities inside the `keptGroups` groups whose largest probability is
    /// greatest, times `scale` (DeepSeek-V2).
    record GroupedSoftmax(int chosen, int groups, int keptGroups, float scale) implements Routing {}

    /// Sigmoid scores; a correction bias takes part in the choice alone; groups compete by the sum of their two best
    /// (DeepSeek-V3, GLM-4.5, Nemotron).
    record GroupedSigmoid(int chosen, int groups, int keptGroups, boolean renormalise, float scale)
            implements Routing {}

    /// The largest logits, then softmax over those (gpt-oss).
    record SoftmaxOfChosen(int chosen) implements Routing {}

    /// The largest logits, each through a sigmoid; the weight scales the expert's input (Llama-4).
    record SigmoidOfChosen(int chosen) implements Routing {}

    /// Returns whether the weight is applied to the expert's input rather than to its output.
    default boolean scalesInput() {
        return this instanceof SigmoidOfChosen;
    }

    /// Chooses the experts of one token.
    ///
    /// @param logits the router's output from `offset` on `(experts)`; overwritten
    /// @param bias correction bias `(experts)`, empty for none
    /// @param experts receives the chosen indices, ascending, from `to` on
    /// @param weights receives their weights
    default void choose(float[] logits, int offset, int count, float[] bias, int[] experts, float[] weights, int to) {
        new RoutingChoice(logits, offset, count, bias, experts, weights, to).choose(this);
    }
}
