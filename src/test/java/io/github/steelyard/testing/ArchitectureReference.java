package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What transformers 5.17 computed on one tiny checkpoint of `conformance/architectures`: `ref.npz` and `ref.json`.
///
/// The quantised variants in its subdirectories store the same weights exactly, so they have the same reference.
///
/// @param prompts token ids of each prompt
/// @param logits logits of each prompt `(tokens, vocabulary)`, flattened
/// @param layers for each prompt and layer the residual stream after it `(tokens, hidden)`, flattened
/// @param inputAmax amax over all prompts at the input of each linear layer, router and expert projection, by the
///     module's published name; experts that no token reached are absent
/// @param tokens tokens that reached each module, by the same names; experts that no token reached have 0
public record ArchitectureReference(
        List<int[]> prompts,
        List<float[]> logits,
        List<List<float[]>> layers,
        Map<String, Double> inputAmax,
        Map<String, Long> tokens) {

    /// Reads the reference in directory `directory`.
    public static ArchitectureReference read(Path directory) {
        Npz arrays = Npz.read(directory.resolve("ref.npz"));
        List<int[]> prompts = new ArrayList<>();
        List<float[]> logits = new ArrayList<>();
        List<List<float[]>> layers = new ArrayList<>();
        for (int prompt = 0; arrays.has("ids_" + prompt); prompt++) {
            prompts.add(arrays.array("ids_" + prompt).ints());
            logits.add(arrays.array("logits_" + prompt).floats());
            layers.add(layers(arrays, prompt));
        }
        Map<String, Double> amax = new TreeMap<>();
        Map<String, Long> tokens = new TreeMap<>();
        JsonNode json = Json.read(directory.resolve("ref.json"));
        long all = prompts.stream().mapToLong(ids -> ids.length).sum();
        for (String group : List.of("linears", "routers")) {
            json.get(group).properties().forEach(module -> {
                amax.put(module.getKey(), module.getValue().get("in_amax").doubleValue());
                tokens.put(module.getKey(), all);
            });
        }
        List<String> names = new ArrayList<>();
        json.get("tensors").fieldNames().forEachRemaining(names::add);
        json.get("experts").properties().forEach(experts -> {
            for (String tensor : names) {
                addProjection(experts.getKey(), experts.getValue(), tensor, amax, tokens);
            }
            if (names.contains(experts.getKey() + ".gate_up_proj")) {
                addFused(experts.getKey(), experts.getValue(), amax, tokens);
            }
        });
        return new ArchitectureReference(prompts, logits, layers, amax, tokens);
    }

    private static List<float[]> layers(Npz arrays, int prompt) {
        List<float[]> layers = new ArrayList<>();
        for (int layer = 0; arrays.has("layer%d_%d".formatted(layer, prompt)); layer++) {
            layers.add(arrays.array("layer%d_%d".formatted(layer, prompt)).floats());
        }
        return layers;
    }

    // Adds what is known about `tensor` if it is the weight `<prefix>.<expert>.<projection>.weight`.
    private static void addProjection(
            String prefix, JsonNode experts, String tensor, Map<String, Double> amax, Map<String, Long> tokens) {
        if (!tensor.startsWith(prefix + ".") || !tensor.endsWith(".weight")) {
            return;
        }
        String module = tensor.substring(0, tensor.length() - ".weight".length());
        List<String> parts = List.of(module.substring(prefix.length() + 1).split("\\.", -1));
        if (parts.size() != 2 || !parts.getFirst().matches("\\d+")) {
            return;
        }
        add(prefix, experts, Integer.parseInt(parts.getFirst()), parts.get(1), amax, tokens);
    }

    // Adds the projections of experts that are stored as one tensor for all, by the names that they have elsewhere.
    private static void addFused(String prefix, JsonNode experts, Map<String, Double> amax, Map<String, Long> tokens) {
        for (int expert = 0; expert < experts.get("counts").size(); expert++) {
            for (String projection : List.of("gate_proj", "up_proj", "down_proj")) {
                add(prefix, experts, expert, projection, amax, tokens);
            }
        }
    }

    private static void add(
            String prefix,
            JsonNode experts,
            int expert,
            String projection,
            Map<String, Double> amax,
            Map<String, Long> tokens) {
        String module = "%s.%d.%s".formatted(prefix, expert, projection);
        String key = switch (projection) {
            case "gate_proj", "up_proj", "w1", "w3" -> "w13_in_amax";
            case "down_proj", "w2" -> "w2_in_amax";
            default -> throw new IllegalArgumentException("unknown projection in " + module);
        };
        long count = experts.get("counts").get(expert).longValue();
        tokens.put(module, count);
        if (count > 0) {
            amax.put(module, experts.get(key).get(expert).doubleValue());
        }
    }
}
