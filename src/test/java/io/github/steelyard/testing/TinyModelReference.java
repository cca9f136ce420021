package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What an independent float32 forward pass computed on one of the trained tiny checkpoints, `models/refs/<name>.json`,
/// over the 8 calibration sequences of `models/refs/calib.jsonl`.
///
/// @param sequences token ids of the calibration sequences
/// @param siteAmax amax by quantizer name: `model.layers.0.mlp.experts.3.down_proj.input_quantizer`, …
/// @param expertTokens tokens routed to each expert, by layer
/// @param nearTies routes that rounding may flip
/// @param negativeLogLikelihood of each sequence, mean over its predictions, in nats
/// @param summaries of the logits of each sequence
/// @param argmax the most probable next token, by sequence and position
public record TinyModelReference(
        List<int[]> sequences,
        Map<String, Double> siteAmax,
        List<long[]> expertTokens,
        List<NearTie> nearTies,
        List<Double> negativeLogLikelihood,
        List<LogitSummary> summaries,
        List<int[]> argmax) {

    /// A route whose last chosen expert and first rejected one differ by less than 1e-4.
    public record NearTie(int sequence, int layer, int position, int chosen, int rejected, double margin) {}

    /// What is known of the logits of one sequence.
    ///
    /// @param top5 the five largest logits of the last position, by token
    public record LogitSummary(double min, double max, double mean, double deviation, Map<Integer, Double> top5) {}

    /// Where the embedded demo checkpoint lies: `tiny-qwen3-moe-mixed`.
    public static final Path DEMO = Path.of("src", "main", "resources", "demo", "checkpoint");

    private static final Path RESOURCES = Path.of("src", "test", "resources", "demo");

    /// Reads the reference of checkpoint `name`, for example `tiny-qwen3-moe-bf16`.
    public static TinyModelReference read(String name) {
        return read(Shared.path("models/refs/" + name + ".json"), Shared.path("models/refs/calib.jsonl"));
    }

    /// Reads the reference of [#DEMO], which is there without shared data too.
    public static TinyModelReference demo() {
        return read(RESOURCES.resolve("reference.json"), RESOURCES.resolve("sequences.jsonl"));
    }

    private static TinyModelReference read(Path file, Path sequences) {
        JsonNode json = Json.read(file);
        Map<String, Double> amax = new TreeMap<>();
        json.get("amax_f32")
                .properties()
                .forEach(site -> sites(site.getKey())
                        .forEach(
                                quantizer -> amax.put(quantizer, site.getValue().doubleValue())));
        return new TinyModelReference(
                Json.readLines(sequences).stream()
                        .map(line -> Json.ints(line.get("token_ids")))
                        .toList(),
                amax,
                elements(json.get("expert_token_counts")).stream()
                        .map(TinyModelReference::longs)
                        .toList(),
                elements(json.get("near_tie_routes_margin_below_1e-4_f64")).stream()
                        .map(TinyModelReference::nearTie)
                        .toList(),
                elements(json.get("nll_per_sequence_f32")).stream()
                        .map(JsonNode::doubleValue)
                        .toList(),
                elements(json.get("logits_summary_f32")).stream()
                        .map(TinyModelReference::summary)
                        .toList(),
                elements(json.get("argmax_per_position_f32")).stream()
                        .map(Json::ints)
                        .toList());
    }

    /// Returns the quantizer names of a site of the reference, whose own names are `<layer>.self_attn.qkv_in` and such.
    private static List<String> sites(String site) {
        int dot = site.lastIndexOf('.');
        String module = dot < 0 ? "" : site.substring(0, dot);
        return switch (site.substring(dot + 1)) {
            case "qkv_in" -> inputs(module, "q_proj", "k_proj", "v_proj");
            case "o_in" -> inputs(module, "o_proj");
            case "k_cache" -> List.of(module + ".k_bmm_quantizer");
            case "v_cache" -> List.of(module + ".v_bmm_quantizer");
            case "router_in" -> inputs(module, "gate");
            case "w13_in" -> inputs(module, "gate_proj", "up_proj");
            case "w2_in" -> inputs(module, "down_proj");
            case "lm_head_in" -> List.of("lm_head.input_quantizer");
            default -> throw new IllegalArgumentException("unknown site in the reference: " + site);
        };
    }

    private static List<String> inputs(String module, String... projections) {
        return List.of(projections).stream()
                .map(projection -> module + "." + projection + ".input_quantizer")
                .toList();
    }

    private static NearTie nearTie(JsonNode route) {
        return new NearTie(
                route.get("seq").intValue(),
                route.get("layer").intValue(),
                route.get("pos").intValue(),
                route.get("kth_expert").intValue(),
                route.get("next_expert").intValue(),
                route.get("margin").doubleValue());
    }

    private static LogitSummary summary(JsonNode json) {
        Map<Integer, Double> top5 = new TreeMap<>();
        json.get("top5_last")
                .forEach(pair -> top5.put(pair.get(0).intValue(), pair.get(1).doubleValue()));
        return new LogitSummary(
                json.get("min").doubleValue(),
                json.get("max").doubleValue(),
                json.get("mean").doubleValue(),
                json.get("std").doubleValue(),
                top5);
    }

    private static List<JsonNode> elements(JsonNode array) {
        List<JsonNode> elements = new ArrayList<>();
        array.forEach(elements::add);
        return elements;
    }

    private static long[] longs(JsonNode array) {
        long[] values = new long[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).longValue();
        }
        return values;
    }
}
