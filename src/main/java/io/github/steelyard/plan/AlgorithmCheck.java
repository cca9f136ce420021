package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.search.Multipliers;
import io.github.steelyard.site.Role;
import io.github.steelyard.yaml.Position;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Whether Steelyard can run a recipe's algorithm.
final class AlgorithmCheck {

    /// Options that cannot change a number here, with the reason.
    private static final Map<String, String> WITHOUT_EFFECT = Map.of(
            "distributed_sync", "there is one process",
            "skip_forward_without_activation_calib",
                    "the forward pass runs whenever a quantizer needs data, and only then",
            "layerwise.checkpoint_dir", "the run directory keeps the state",
            "layerwise.save_every", "the run directory keeps the state",
            "layerwise.calib_mutates_weights", "calibration never changes weights",
            "debug", "what a search saw is not kept",
            "fused", "there is one implementation",
            "learnable_amax", "nothing is trained here",
            "tied_amax", "nothing is trained here",
            "quantize_pre_scale", "nothing is trained here");

    private final Problems problems;
    private final List<PlanWarning> warnings;

    private AlgorithmCheck(Problems problems, List<PlanWarning> warnings) {
        this.problems = problems;
        this.warnings = warnings;
    }

    static void check(Recipe recipe, Collection<Decision> decisions, Problems problems, List<PlanWarning> warnings) {
        AlgorithmCheck check = new AlgorithmCheck(problems, warnings);
        for (Algorithm algorithm : recipe.algorithms()) {
            check.method(algorithm, recipe.algorithms().size());
            check.solved(algorithm.at(), algorithm.method(), decisions);
            check.sharedOptions(algorithm);
            check.withoutEffect(algorithm);
            new ActivationCheck(recipe, algorithm, decisions, problems, warnings).check();
            if (algorithm.method() instanceof Algorithm.None) {
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

    private void method(Algorithm algorithm, int algorithms) {
        if (!runs(algorithm, algorithm.method()) || algorithms > 1) {
            problems.add(
                    algorithm.at(),
                    "algorithm '%s'".formatted(algorithm.method().name()),
                    "not run by this version; it runs one of 'max', 'mse', 'local_hessian', 'gptq', 'nvfp4_act_headroom', 'smoothquant', 'awq_lite' and 'lsq', or null for a recipe without calibration data");
        }
    }

    private boolean runs(Algorithm algorithm, Algorithm.Method method) {
        return switch (method) {
            case Algorithm.None none -> true;
            case Algorithm.Max max -> {
                max(algorithm, max);
                yield true;
            }
            case Algorithm.Mse mse -> {
                mse(algorithm, mse);
                yield true;
            }
            // Of scales that are learnt in training the start values alone are made: those of another algorithm.
            case Algorithm.Lsq lsq -> runs(algorithm, lsq.scaleAlgorithm());
            case Algorithm.LocalHessian hessian -> {
                localHessian(algorithm, hessian);
                yield true;
            }
            case Algorithm.ActHeadroom headroom -> runs(algorithm, headroom.weights());
            case Algorithm.SmoothQuant smooth -> true;
            case Algorithm.AwqLite lite -> true;
            case Algorithm.NotRun refused -> false;
            case Algorithm.Gptq gptq -> true;
        };
    }

    private void max(Algorithm algorithm, Algorithm.Max max) {
        if (max.syncExpertWeights()) {
            refuse(algorithm, "sync_expert_weight_amax", "true", "each expert's weight keeps its own amax");
        }
        sharedStates(algorithm, max.sharedStates());
    }

    private void mse(Algorithm algorithm, Algorithm.Mse mse) {
        sharedStates(algorithm, mse.sharedStates());
        search(algorithm, mse.search());
    }

    /// What is solved by weights and inputs are static NVFP4 blocks.
    private void solved(Position at, Algorithm.Method method, Collection<Decision> decisions) {
        List<Decision> others = decisions.stream()
                .filter(decision -> decision.site().role() == Role.WEIGHT && !decision.asStored())
                .filter(decision -> decision.config()
                        .filter(config ->
                                !config.hasStaticBlocks() || !config.format().equals(Optional.of(Format.NVFP4)))
                        .isPresent())
                .toList();
        if (others.isEmpty()) {
            return;
        }
        String first = others.getFirst().site().name();
        switch (method) {
            case Algorithm.LocalHessian hessian -> {
                if (hessian.search().fp8Sweep()) {
                    warnings.add(asMax(first, others.size()));
                } else {
                    refuseOthers(at, method, first);
                }
            }
            case Algorithm.Gptq gptq -> refuseOthers(at, method, first);
            case Algorithm.Lsq lsq -> solved(at, lsq.scaleAlgorithm(), decisions);
            case Algorithm.None none -> {}
            case Algorithm.Max max -> {}
            case Algorithm.Mse mse -> {}
            case Algorithm.ActHeadroom headroom -> solved(at, headroom.weights(), decisions);
            case Algorithm.SmoothQuant smooth -> {}
            case Algorithm.AwqLite lite -> {}
            case Algorithm.NotRun refused -> {}
        }
    }

    private static PlanWarning asMax(String first, int count) {
        return new PlanWarning(
                "algorithm.weights_as_max",
                first,
                String.format(
                        Locale.ROOT,
                        "%d weights have no static NVFP4 blocks, and 'local_hessian' leaves them as 'max' does: %s and others",
                        count,
                        first));
    }

    private void refuseOthers(Position at, Algorithm.Method method, String first) {
        problems.add(
                at,
                first,
                "'%s' solves static NVFP4 blocks, and this weight has another format; use 'mse' or 'max' for it"
                        .formatted(method.name()));
    }

    private void localHessian(Algorithm algorithm, Algorithm.LocalHessian hessian) {
        sharedStates(algorithm, hessian.sharedStates());
        search(algorithm, hessian.search());
        if (hessian.blockSize() != Nvfp4.BLOCK) {
            refuse(
                    algorithm,
                    "block_size",
                    Integer.toString(hessian.blockSize()),
                    "scales are those of blocks of 16 inputs, and so are the moments");
        }
    }

    private void search(Algorithm algorithm, Algorithm.Search search) {
        try {
            Multipliers.spaced(search.start(), search.stop(), search.step());
        } catch (IllegalArgumentException e) {
            problems.add(algorithm.at(), "algorithm option step_size", String.valueOf(e.getMessage()));
        }
    }

    private void sharedStates(Algorithm algorithm, Optional<String> sharedStates) {
        sharedStates.ifPresent(states -> refuse(
                algorithm, "shared_states", states, "amax is shared over q/k/v and gate/up as the server needs"));
    }

    private void sharedOptions(Algorithm algorithm) {
        algorithm
                .expertsRatio()
                .ifPresent(ratio -> refuse(
                        algorithm, "moe_calib_experts_ratio", Double.toString(ratio), "use calibration.experts: all"));
        String quantisedInputs = "layerwise.get_qdq_activations_from_prev_layer";
        if (algorithm.written().contains(quantisedInputs)
                && algorithm.layerwise().quantisedInputs()) {
            if (!solves(algorithm.method())) {
                refuse(algorithm, quantisedInputs, "true", "statistics are those of the unquantised model");
            } else if (!algorithm.layerwise().enable()) {
                refuse(algorithm, quantisedInputs, "true", "it needs layerwise.enable: true");
            }
        }
    }

    private static boolean solves(Algorithm.Method method) {
        return method instanceof Algorithm.LocalHessian || method instanceof Algorithm.Gptq;
    }

    private void refuse(Algorithm algorithm, String option, String value, String instead) {
        problems.add(
                algorithm.at(),
                "algorithm option %s: %s".formatted(option, Printable.brief(value)),
                "not supported; " + instead);
    }

    private void withoutEffect(Algorithm algorithm) {
        algorithm.written().stream()
                .filter(WITHOUT_EFFECT::containsKey)
                .forEach(name -> warnings.add(new PlanWarning(
                        "algorithm.option_without_effect",
                        name,
                        String.format(
                                Locale.ROOT,
                                "algorithm option %s at line %d has no effect: %s",
                                name,
                                algorithm.at().line(),
                                WITHOUT_EFFECT.get(name)))));
    }
}
