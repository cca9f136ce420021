package io.github.steelyard.moe;

import java.util.Arrays;

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

    /// Softmax over all experts; a correction bias takes part in the choice alone; weights are divided by their sum, or
    /// by
    /// `floor` where that is larger (ERNIE 4.5).
    record CorrectedSoftmax(int chosen, float floor) implements Routing {}

    /// The largest logits, then softmax over those (gpt-oss).
    record SoftmaxOfChosen(int chosen) implements Routing {}

    /// The largest logits, each through a sigmoid; the weight scales the expert's input (Llama-4).
    record SigmoidOfChosen(int chosen) implements Routing {}

    /// Returns whether the weight is applied to the expert's input rather than to its output.
    default boolean scalesInput() {
        return this instanceof SigmoidOfChosen;
    }

    /// Returns the weight of a token that is sent to one expert by itself, where weights scale inputs; else 1.
    ///
    /// @param logit the router's output
    default float weightAlone(float logit) {
        return scalesInput() ? RoutingChoice.sigmoid(logit) : 1;
    }

    /// Returns the scores of one token as the choice compares them, whatever group an expert is in, on a scale on which
    /// those of different tokens can be compared: logits, from all of which a softmax takes the same, or sigmoids with
    /// their correction.
    ///
    /// @param logits the router's output from `offset` on `(count)`
    /// @param bias correction bias `(count)`, empty for none
    default float[] compared(float[] logits, int offset, int count, float[] bias) {
        float[] scores = Arrays.copyOfRange(logits, offset, offset + count);
        switch (this) {
            case Softmax r -> {}
            case GroupedSoftmax r -> {}
            case SoftmaxOfChosen r -> {}
            case SigmoidOfChosen r -> {}
            case GroupedSigmoid r -> {
                for (int e = 0; e < count; e++) {
                    scores[e] = RoutingChoice.sigmoid(scores[e]) + (bias.length > 0 ? bias[e] : 0);
                }
            }
            case CorrectedSoftmax r -> {
                RoutingChoice.softmax(scores, 0, count);
                for (int e = 0; e < bias.length; e++) {
                    scores[e] += bias[e];
                }
            }
        }
        return scores;
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
