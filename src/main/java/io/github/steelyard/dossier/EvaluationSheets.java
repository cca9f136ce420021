package io.github.steelyard.dossier;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.job.RequestException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Reads what `evaluate --json` printed.
final class EvaluationSheets {

    private final Path file;

    private EvaluationSheets(Path file) {
        this.file = file;
    }

    /// Reads a file.
    ///
    /// @throws CheckpointException if it is no JSON, or lacks what an evaluation has
    /// @throws RequestException if it is that of another command, or of an evaluation that failed
    static EvaluationSheet read(Path file) {
        JsonNode envelope = ConfigJson.read(file).copy();
        if (!envelope.path("command").asText().equals("evaluate")
                || !envelope.path("result").isObject()) {
            throw new RequestException(
                    "%s: expected what 'evaluate --json' prints, and a result in it".formatted(file));
        }
        return new EvaluationSheets(file).sheet(envelope.path("result"));
    }

    private EvaluationSheet sheet(JsonNode result) {
        JsonNode against = result.path("against");
        JsonNode byLayers = result.path("by_layers");
        List<EvaluationSheet.Linear> linears = new ArrayList<>();
        Map<Integer, Double> worst = new HashMap<>();
        for (JsonNode linear : byLayers.path("linears")) {
            optional(linear, "sqnr_db").ifPresent(sqnr -> {
                linears.add(new EvaluationSheet.Linear(
                        linear.path("module").asText(), linear.path("tokens").longValue(), sqnr));
                worst.merge(linear.path("layer").intValue(), sqnr, Math::min);
            });
        }
        List<EvaluationSheet.Layer> layers = new ArrayList<>();
        for (JsonNode layer : byLayers.path("layers")) {
            int index = layer.path("layer").intValue();
            layers.add(new EvaluationSheet.Layer(
                    index, optional(layer, "sqnr_db"), Optional.ofNullable(worst.get(index))));
        }
        return new EvaluationSheet(
                file.toString(),
                number(result, "perplexity"),
                number(result, "nll"),
                (long) number(result, "predictions"),
                (long) number(result, "sequences"),
                (long) number(result, "fake_quantised_sites"),
                against.isObject() ? Optional.of(against(against)) : Optional.empty(),
                layers,
                linears.stream()
                        .sorted(Comparator.comparingDouble(EvaluationSheet.Linear::sqnrDb))
                        .limit(ExpertRanges.LISTED)
                        .toList());
    }

    private EvaluationSheet.Against against(JsonNode json) {
        return new EvaluationSheet.Against(
                json.path("checkpoint").asText(),
                number(json, "perplexity"),
                number(json, "perplexity_ratio"),
                optional(json, "perplexity_ratio_standard_error"),
                number(json, "kl_divergence"),
                optional(json, "kl_standard_error"),
                number(json, "kl_largest"),
                number(json, "top1_agreement"));
    }

    private double number(JsonNode json, String key) {
        return optional(json, key)
                .orElseThrow(() -> new CheckpointException(file, key + ": a number is missing in the evaluation"));
    }

    private static Optional<Double> optional(JsonNode json, String key) {
        return Optional.of(json.path(key)).filter(JsonNode::isNumber).map(JsonNode::doubleValue);
    }
}
