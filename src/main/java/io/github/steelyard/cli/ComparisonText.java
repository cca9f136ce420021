package io.github.steelyard.cli;

import io.github.steelyard.evaluation.ComparisonResult;
import io.github.steelyard.evaluation.EvaluationResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Evaluations and comparisons in lines for people.
final class ComparisonText {

    private ComparisonText() {}

    /// Returns the line of an evaluation.
    static String line(EvaluationResult result) {
        return String.format(
                Locale.ROOT,
                "perplexity %.4f, negative log-likelihood %.6f over %d predictions in %d sequences",
                result.perplexity(),
                result.nll(),
                result.predictions(),
                result.sequences());
    }

    /// Returns the lines of a comparison, one for each layer included.
    static List<String> lines(ComparisonResult result) {
        ComparisonResult.Against against = result.against();
        List<String> lines = new ArrayList<>();
        lines.add(line(result.evaluation()));
        lines.add(
                String.format(Locale.ROOT, "against %s: perplexity %.4f", against.checkpoint(), against.perplexity()));
        lines.add(String.format(
                Locale.ROOT,
                "perplexity ratio   %.6f%s",
                against.perplexityRatio(),
                error(against.perplexityRatioStandardError())));
        lines.add(String.format(
                Locale.ROOT,
                "KL divergence      %.6f%s nats, at most %.6f",
                against.klDivergence(),
                error(against.klStandardError()),
                against.klLargest()));
        lines.add(String.format(Locale.ROOT, "top-1 agreement    %.2f %%", 100 * against.top1Agreement()));
        result.byLayers().ifPresent(layers -> lines.addAll(table(layers)));
        return lines;
    }

    private static String error(Optional<Double> standardError) {
        return standardError
                .map(error -> String.format(Locale.ROOT, " ± %.6f", error))
                .orElse("");
    }

    private static List<String> table(ComparisonResult.ByLayers layers) {
        List<String> lines = new ArrayList<>();
        lines.add("");
        lines.add(String.format(Locale.ROOT, "%5s  %9s  %14s  %s", "layer", "output dB", "worst linear", "which"));
        for (ComparisonResult.LayerError layer : layers.layers()) {
            Optional<ComparisonResult.LinearError> worst = layers.linears().stream()
                    .filter(linear -> linear.layer() == layer.layer())
                    .filter(linear -> linear.sqnrDb().isPresent())
                    .min(Comparator.comparingDouble(linear -> linear.sqnrDb().orElseThrow()));
            lines.add(String.format(
                            Locale.ROOT,
                            "%5d  %9s  %14s  %s",
                            layer.layer(),
                            decibels(layer.sqnrDb()),
                            decibels(worst.flatMap(ComparisonResult.LinearError::sqnrDb)),
                            worst.map(ComparisonResult.LinearError::module).orElse(""))
                    .stripTrailing());
        }
        return lines;
    }

    private static String decibels(Optional<Double> sqnr) {
        return sqnr.map(number -> String.format(Locale.ROOT, "%.2f", number)).orElse("equal");
    }
}
