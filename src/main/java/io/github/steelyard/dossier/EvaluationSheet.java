package io.github.steelyard.dossier;

import java.util.List;
import java.util.Optional;

/// What is shown of an evaluation.
///
/// @param file where it was read
/// @param perplexity of the model
/// @param nll mean negative log-likelihood, in nats
/// @param predictions tokens that were predicted
/// @param sequences sequences of the text
/// @param fakeQuantisedSites sites that were fake-quantised
/// @param against how it compares with another, if it was
/// @param layers how far the residual stream is from the other's after each layer; empty unless that was asked for
/// @param linears the linear layers that are farthest, the farthest first
record EvaluationSheet(
        String file,
        double perplexity,
        double nll,
        long predictions,
        long sequences,
        long fakeQuantisedSites,
        Optional<Against> against,
        List<Layer> layers,
        List<Linear> linears) {

    EvaluationSheet {
        layers = List.copyOf(layers);
        linears = List.copyOf(linears);
    }

    /// As `against` of `evaluate --json`.
    record Against(
            String checkpoint,
            double perplexity,
            double perplexityRatio,
            Optional<Double> perplexityRatioStandardError,
            double klDivergence,
            Optional<Double> klStandardError,
            double klLargest,
            double top1Agreement) {}

    /// Signal to noise after a layer.
    ///
    /// @param sqnrDb in dB; empty where there is no difference
    /// @param worst that of the farthest linear layer in it
    record Layer(int layer, Optional<Double> sqnrDb, Optional<Double> worst) {}

    /// Signal to noise of a linear layer's output.
    record Linear(String module, long tokens, double sqnrDb) {}
}
