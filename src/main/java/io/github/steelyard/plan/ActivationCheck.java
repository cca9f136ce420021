package io.github.steelyard.plan;

import io.github.steelyard.format.Format;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.HistogramOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.Role;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/// Whether what an algorithm and histograms do to inputs, outputs and cache can be done, and whether it does anything.
record ActivationCheck(
        Recipe recipe,
        Algorithm algorithm,
        Collection<Decision> decisions,
        Problems problems,
        List<PlanWarning> warnings) {

    void check() {
        HistogramOptions options = recipe.calibration().histogram();
        List<Decision> histograms = decisions.stream()
                .filter(decision ->
                        decision.config().filter(QuantizerConfig::isHistogram).isPresent())
                .toList();
        histograms.forEach(decision -> histogram(decision, options.method()));
        if (algorithm.method() instanceof Algorithm.ActHeadroom) {
            headroom();
        }
        if (algorithm.method() instanceof Algorithm.SmoothQuant) {
            requireChannels();
            smoothing();
        }
        if (algorithm.method() instanceof Algorithm.AwqLite) {
            requireChannels();
        }
        if (histograms.isEmpty() && !options.equals(HistogramOptions.DEFAULT)) {
            warn(
                    "calibration.histogram_without_effect",
                    "calibration.histogram",
                    "calibration.histogram has no effect: no quantizer has calibrator: histogram");
        }
    }

    private void histogram(Decision decision, HistogramOptions.Method method) {
        boolean nvfp4 = hasFormat(decision, Format.NVFP4);
        if (algorithm.method() instanceof Algorithm.ActHeadroom
                && nvfp4
                && decision.site().role() == Role.INPUT) {
            refuse(decision, "calibrator: histogram has no effect: 'nvfp4_act_headroom' calibrates NVFP4 inputs");
        } else if (nvfp4 && method != HistogramOptions.Method.PERCENTILE) {
            refuse(
                    decision,
                    "calibration.histogram.method is for codes without block scales; for NVFP4 use percentile");
        }
    }

    private void headroom() {
        if (!isMeasured(Format.NVFP4)) {
            warn(
                    "algorithm.without_effect",
                    "nvfp4_act_headroom",
                    "algorithm 'nvfp4_act_headroom' has no effect but that of its weight_scale_algorithm: no input is"
                            + " NVFP4 with a measured amax");
        }
    }

    /// The amax of channels is that of routed tokens.
    private void requireChannels() {
        if (recipe.calibration().starvedExperts() == CalibrationOptions.StarvedExperts.ALL_TOKENS) {
            problems.add(
                    algorithm.at(),
                    "algorithm '%s'".formatted(algorithm.method().name()),
                    "not with calibration.starved_experts: all_tokens; layer_max takes the channels of the layer");
        }
    }

    private void smoothing() {
        if (!isMeasured(Format.INT8)) {
            warn(
                    "algorithm.without_effect",
                    "smoothquant",
                    "algorithm 'smoothquant' has no effect: it moves range from INT8 inputs, and none is INT8 with a"
                            + " measured amax");
        }
    }

    /// Returns whether an input has this format, and an amax that is not pinned.
    private boolean isMeasured(Format format) {
        return decisions.stream()
                .anyMatch(decision -> decision.site().role() == Role.INPUT
                        && hasFormat(decision, format)
                        && Plan.isMeasured(decision));
    }

    private static boolean hasFormat(Decision decision, Format format) {
        return decision.config().flatMap(QuantizerConfig::format).equals(Optional.of(format));
    }

    /// Says what is odd about a model; there are no decisions where a recipe is looked at without one.
    private void warn(String code, String subject, String message) {
        if (!decisions.isEmpty()) {
            warnings.add(new PlanWarning(code, subject, message));
        }
    }

    private void refuse(Decision decision, String why) {
        problems.add(decision.rule().map(Rule::at).orElse(null), decision.site().name(), why);
    }
}
