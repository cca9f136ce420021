package io.github.steelyard.evaluation;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// How far a model is from another.
///
/// @param evaluation what the evaluation of the tested model comes to
/// @param against how the other did, and how far the two are apart
/// @param byLayers how far the outputs of layers are apart, if that was asked for
public record ComparisonResult(EvaluationResult evaluation, Against against, Optional<ByLayers> byLayers) {

    /// Both models over all predictions: the tokens that are followed by another. `P` are the probabilities of the
    /// reference, `Q` those of the tested model.
    ///
    /// @param checkpoint directory of the reference
    /// @param nll mean negative log-likelihood of the reference, in nats
    /// @param perplexity its exponential
    /// @param klDivergence the mean of `Σ P (ln P - ln Q)`, in nats
    /// @param klStandardError its standard error over sequences; empty for one sequence
    /// @param klLargest the largest of a prediction
    /// @param top1Agreement the share of predictions of which both have the same likeliest token, of several the first
    /// @param perplexityRatio perplexity of the tested model by that of the reference
    /// @param perplexityRatioStandardError its standard error over sequences; empty for one sequence
    /// @param nllPerSequence the mean of each sequence under the reference, in nats
    /// @param klPerSequence the mean divergence of each sequence, in nats
    public record Against(
            Path checkpoint,
            double nll,
            double perplexity,
            double klDivergence,
            Optional<Double> klStandardError,
            double klLargest,
            double top1Agreement,
            double perplexityRatio,
            Optional<Double> perplexityRatioStandardError,
            List<Double> nllPerSequence,
            List<Double> klPerSequence) {

        public Against {
            nllPerSequence = List.copyOf(nllPerSequence);
            klPerSequence = List.copyOf(klPerSequence);
        }
    }

    /// Differences between outputs of the two passes, errors of earlier layers included.
    ///
    /// @param layers of the residual stream after each layer
    /// @param linears of each linear layer but the head, in the order in which they run
    public record ByLayers(List<LayerError> layers, List<LinearError> linears) {
        public ByLayers {
            layers = List.copyOf(layers);
            linears = List.copyOf(linears);
        }
    }

    /// How far the residual streams are apart after a layer.
    ///
    /// @param layer its index
    /// @param kind what it is, for people
    /// @param sqnrDb signal to noise in dB, the reference's output being the signal; empty where there is no difference
    public record LayerError(int layer, String kind, Optional<Double> sqnrDb) {}

    /// How far the outputs of a linear layer are apart.
    ///
    /// @param module its name
    /// @param layer the layer that it is in
    /// @param tokens tokens that both models sent there: these are compared
    /// @param tokensApart tokens that the tested model sent to this expert, and the reference to others
    /// @param sqnrDb as of [LayerError]; empty also where no token is compared
    public record LinearError(String module, int layer, long tokens, long tokensApart, Optional<Double> sqnrDb) {}
}
