package io.github.steelyard.evaluation;

import java.util.List;

/// What an evaluation comes to.
///
/// @param nll mean negative log-likelihood of each predicted token, in nats
/// @param perplexity its exponential
/// @param sequences sequences of the text
/// @param tokens tokens in them
/// @param predictions tokens that were predicted: all but the first of each sequence
/// @param truncatedTokens tokens that were cut off
/// @param nllPerSequence the mean of each sequence, in nats
/// @param fakeQuantisedSites sites that were fake-quantised
/// @param kernels name of the arithmetic
/// @param gemm name of the matrix product
public record EvaluationResult(
        double nll,
        double perplexity,
        long sequences,
        long tokens,
        long predictions,
        long truncatedTokens,
        List<Double> nllPerSequence,
        int fakeQuantisedSites,
        String kernels,
        String gemm) {

    public EvaluationResult {
        nllPerSequence = List.copyOf(nllPerSequence);
    }
}
