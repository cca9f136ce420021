package io.github.steelyard.recipe;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/// Whether Steelyard can run a recipe's algorithm.
final class AlgorithmCheck {

    /// Options of `max` that change its result when they have another value than this, with what to do instead.
    private static final Map<String, List<String>> REFUSED = Map.of(
            "sync_expert_weight_amax", List.of("false", "each expert's weight keeps its own amax"),
            "shared_states", List.of("", "amax is shared over q/k/v and gate/up as the server needs"),
            "moe_calib_experts_ratio", List.of("", "use calibration.experts: all"),
            "layerwise.get_qdq_activations_from_prev_layer",
                    List.of("false", "statistics are those of the unquantised model"));

    /// Options that cannot change a number here, with the reason.
    private static final Map<String, String> WITHOUT_EFFECT = Map.of(
            "distributed_sync", "there is one process",
            "skip_forward_without_activation_calib",
                    "the forward pass runs whenever a quantizer needs data, and only then",
            "layerwise.checkpoint_dir", "the run directory keeps the state",
            "layerwise.save_every", "the run directory keeps the state",
            "layerwise.calib_mutates_weights", "calibration never changes weights");

    private AlgorithmCheck() {}

    static void check(Recipe recipe, Collection<Decision> decisions, Problems problems, List<PlanWarning> warnings) {
        for (Algorithm algorithm : recipe.algorithms()) {
            boolean runs = algorithm.method().equals(Algorithm.MAX)
                    || algorithm.method().equals(Algorithm.NONE);
            if (!runs || recipe.algorithms().size() > 1) {
                problems.add(
                        algorithm.at(),
                        "algorithm '%s'".formatted(algorithm.method()),
                        "not run by this version; it runs 'max' alone, or null for a recipe without calibration data");
            }
            algorithm.options().forEach((name, value) -> option(algorithm, name, value, problems, warnings));
            if (algorithm.method().equals(Algorithm.NONE)) {
                decisions.stream()
                        .filter(Plan::isMeasured)
                        .forEach(
                                decision -> problems.add(
                                        algorithm.at(),
                                        decision.site().name(),
                                        "needs a measured amax, but the recipe's algorithm is null; use 'max' or constant_amax"));
            }
        }
    }

    private static void option(
            Algorithm algorithm, String name, String value, Problems problems, List<PlanWarning> warnings) {
        List<String> refused = REFUSED.get(name);
        if (refused != null && !value.equals(refused.getFirst())) {
            problems.add(
                    algorithm.at(),
                    "algorithm option %s: %s".formatted(name, Text.brief(value)),
                    "not supported; " + refused.getLast());
        }
        String reason = WITHOUT_EFFECT.get(name);
        if (reason != null) {
            warnings.add(new PlanWarning(
                    "algorithm.option_without_effect",
                    name,
                    "algorithm option %s at line %d has no effect: %s"
                            .formatted(name, algorithm.at().line(), reason)));
        }
    }
}
