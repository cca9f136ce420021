package io.github.steelyard.dossier;

import io.github.steelyard.chart.Html;
import io.github.steelyard.chart.Plot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// An evaluation on the page.
final class EvaluationSection {

    private EvaluationSection() {}

    static void add(Html page, String id, EvaluationSheet evaluation) {
        page.open("section", "id", id).element("h2", "Evaluation " + evaluation.file());
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("perplexity", number(evaluation.perplexity()), ""));
        evaluation.against().ifPresent(against -> {
            rows.add(List.of("perplexity of the reference", number(against.perplexity()), ""));
            rows.add(List.of(
                    "perplexity ratio",
                    number(against.perplexityRatio()),
                    number(against.perplexityRatioStandardError())));
            rows.add(List.of(
                    "KL divergence in nats", number(against.klDivergence()), number(against.klStandardError())));
            rows.add(List.of("largest KL divergence in nats", number(against.klLargest()), ""));
            rows.add(List.of(
                    "top-1 agreement in percent",
                    String.format(Locale.ROOT, "%.3f", 100 * against.top1Agreement()),
                    ""));
        });
        rows.add(List.of("predictions", Long.toString(evaluation.predictions()), ""));
        rows.add(List.of("sequences", Long.toString(evaluation.sequences()), ""));
        rows.add(List.of("fake-quantised sites", Long.toString(evaluation.fakeQuantisedSites()), ""));
        page.table(
                evaluation
                        .against()
                        .map(against -> "Against " + against.checkpoint())
                        .orElse("Numbers"),
                List.of("what", "value", "standard error"),
                rows);
        if (!evaluation.layers().isEmpty()) {
            Plot.lines(
                    page,
                    "Signal to quantisation noise of outputs in dB, errors of earlier layers included",
                    "layer",
                    evaluation.layers().stream()
                            .map(layer -> Integer.toString(layer.layer()))
                            .toList(),
                    List.of(
                            new Plot.Line(
                                    "residual stream after the layer",
                                    evaluation.layers().stream()
                                            .map(EvaluationSheet.Layer::sqnrDb)
                                            .toList()),
                            new Plot.Line(
                                    "farthest linear layer in it",
                                    evaluation.layers().stream()
                                            .map(EvaluationSheet.Layer::worst)
                                            .toList())));
            page.table(
                    "Linear layers with the lowest signal to noise",
                    List.of("module", "tokens", "dB"),
                    evaluation.linears().stream()
                            .map(linear -> List.of(
                                    linear.module(),
                                    Long.toString(linear.tokens()),
                                    String.format(Locale.ROOT, "%.2f", linear.sqnrDb())))
                            .toList());
        }
        page.close("section");
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.6f", value);
    }

    private static String number(Optional<Double> value) {
        return value.map(EvaluationSection::number).orElse("");
    }
}
