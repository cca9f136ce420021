package io.github.steelyard.recipe;

import io.github.steelyard.recipe.Node.Mapping;
import io.github.steelyard.recipe.Node.Sequence;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// Reads `algorithm`: a name, a mapping, or a list of either. Knows every method and option of ModelOpt, so that a
/// misspelt one is told apart from one that Steelyard does not run.
final class AlgorithmReader {

    private static final Set<String> SHARED = Set.of("method", "moe_calib_experts_ratio", "layerwise");

    private static final Set<String> LAYERWISE = Set.of(
            "enable", "get_qdq_activations_from_prev_layer", "checkpoint_dir", "save_every", "calib_mutates_weights");

    private static final Map<String, Set<String>> OPTIONS = Map.ofEntries(
            Map.entry(
                    "max",
                    Set.of(
                            "distributed_sync",
                            "sync_expert_weight_amax",
                            "skip_forward_without_activation_calib",
                            "shared_states")),
            Map.entry(
                    "mse",
                    Set.of(
                            "step_size",
                            "start_multiplier",
                            "stop_multiplier",
                            "fp8_scale_sweep",
                            "distributed_sync",
                            "shared_states")),
            Map.entry(
                    "local_hessian",
                    Set.of(
                            "step_size",
                            "start_multiplier",
                            "stop_multiplier",
                            "fp8_scale_sweep",
                            "block_size",
                            "distributed_sync",
                            "debug",
                            "shared_states")),
            Map.entry(
                    "nvfp4_act_headroom",
                    Set.of("anchor_percentile", "upper_percentile", "rho", "weight_scale_algorithm")),
            Map.entry("smoothquant", Set.of("alpha")),
            Map.entry("awq_lite", Set.of("alpha_step", "debug")),
            Map.entry(
                    "awq_clip",
                    Set.of("max_co_batch_size", "max_tokens_per_batch", "min_clip_ratio", "shrink_step", "debug")),
            Map.entry(
                    "awq_full",
                    Set.of(
                            "alpha_step",
                            "max_co_batch_size",
                            "max_tokens_per_batch",
                            "min_clip_ratio",
                            "shrink_step",
                            "debug")),
            Map.entry("svdquant", Set.of("lowrank", "skip_layers")),
            Map.entry("gptq", Set.of("perc_damp", "block_size", "fused")),
            Map.entry("lsq", Set.of("learnable_amax", "tied_amax", "quantize_pre_scale", "scale_algorithm")));

    private AlgorithmReader() {}

    static List<Algorithm> algorithms(String path, Node node) {
        if (!(node instanceof Sequence list)) {
            return List.of(algorithm(path, node));
        }
        if (list.items().isEmpty()) {
            throw new RecipeException(node.at(), "%s: the list is empty".formatted(path));
        }
        List<Algorithm> algorithms = new ArrayList<>();
        for (Node item : list.items()) {
            algorithms.add(algorithm(path, item));
        }
        return algorithms;
    }

    private static Algorithm algorithm(String path, Node node) {
        if (Fields.isNull(node)) {
            return new Algorithm(node.at(), Algorithm.NONE, new TreeMap<>());
        }
        if (!(node instanceof Mapping mapping)) {
            return new Algorithm(node.at(), method(path, node), new TreeMap<>());
        }
        SortedMap<String, String> options = new TreeMap<>();
        try (Fields fields = Fields.of(path, mapping)) {
            Node named = fields.node("method").orElse(null);
            String method = named == null ? Algorithm.NONE : method(fields.path("method"), named);
            Set<String> known = new TreeSet<>(OPTIONS.getOrDefault(method, Set.of()));
            known.addAll(SHARED);
            for (String name : known) {
                fields.node(name)
                        .filter(value -> !name.equals("method"))
                        .ifPresent(value -> options.put(name, value.toString()));
            }
            fields.mapping("layerwise").ifPresent(layerwise -> {
                options.remove("layerwise");
                LAYERWISE.forEach(name ->
                        layerwise.node(name).ifPresent(value -> options.put("layerwise." + name, value.toString())));
                layerwise.close();
            });
            return new Algorithm(node.at(), method, options);
        }
    }

    private static String method(String path, Node node) {
        String method = Fields.text(path, node);
        if (!OPTIONS.containsKey(method)) {
            throw new RecipeException(
                    node.at(),
                    "%s: no such method '%s'; known are %s"
                            .formatted(path, Text.brief(method), String.join(", ", new TreeSet<>(OPTIONS.keySet()))));
        }
        return method;
    }
}
