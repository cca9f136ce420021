package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.ChannelAmax;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// SmoothQuant: range that moves from the channels of an input to the columns of the weight that they meet, where both
/// are INT8. With `A_i` the amax of channel `i`, `V_i` that of column `i` of the weight, all in float32:
///
/// ```text
/// r_i = clamp(V_i^(1 - α) / A_i^α, 1e-4, 1e4)        1 where both are 0
/// ```
///
/// Inputs are multiplied by `r` before they are quantised, the weight's columns by `1 / r`. Modules that share an input
/// share the mean of theirs, as MODELOPT has it in its exports. The `A` of experts is that of all tokens of their
/// layer,
/// and so is the amax of their inputs: with factors every channel reaches about the amax, so that channels which few
/// tokens of one expert showed would clip (`docs/ACCURACY.md`). MODELOPT leaves experts that are stored together as
/// they
/// are.
///
/// Nothing of it is stored: factors follow from the amax of channels, which the run has, from the weights, and from α.
///
/// @param alpha the exponent of the input's share
record Smoothing(Plan plan, double alpha) {

    private static final float LEAST = 1e-4f;
    private static final float MOST = 1e4f;

    /// Returns the smoothing that a plan's algorithm is; empty if it is another.
    static Optional<Smoothing> of(Plan plan) {
        return plan.recipe().algorithms().getFirst().method() instanceof Algorithm.SmoothQuant options
                ? Optional.of(new Smoothing(plan, options.alpha())).filter(Smoothing::isWanted)
                : Optional.empty();
    }

    private boolean isWanted() {
        return plan.modules().stream().anyMatch(this::isSmoothed);
    }

    private boolean isSmoothed(ModuleInfo module) {
        Scheme scheme = plan.scheme(module.name());
        return scheme.input().equals(Optional.of(Format.INT8))
                && scheme.weight()
                        .filter(weight -> weight == Format.INT8 || weight == Format.INT8_PER_CHANNEL)
                        .isPresent()
                && plan.config(new Site(module.name(), Role.INPUT))
                        .filter(config -> config.pinnedAmax().isEmpty())
                        .isPresent()
                && !plan.keepsWeight(module.name());
    }

    /// A module with the amax of the channels of its input.
    record Smoothed(ModuleInfo module, ChannelAmax amax) {}

    /// Returns what is smoothed, as far as its input was observed.
    List<Smoothed> smoothed(Statistics statistics) {
        Map<Projection, ChannelAmax> layers = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            if (module.isExpert() && isSmoothed(module)) {
                seen(statistics, module)
                        .flatMap(Measurement::channels)
                        .ifPresent(channels -> layers.merge(Projection.of(module), channels, ChannelAmax::merge));
            }
        }
        List<Smoothed> smoothed = new ArrayList<>();
        for (ModuleInfo module : plan.modules()) {
            if (isSmoothed(module)) {
                Optional<ChannelAmax> channels = module.isExpert()
                        ? Optional.ofNullable(layers.get(Projection.of(module)))
                        : seen(statistics, module).flatMap(Measurement::channels);
                channels.ifPresent(found -> smoothed.add(new Smoothed(module, found)));
            }
        }
        return smoothed;
    }

    private static Optional<Measurement> seen(Statistics statistics, ModuleInfo module) {
        return statistics.at(new Site(module.name(), Role.INPUT)).map(SiteStatistics::routed);
    }

    /// Returns the factors of one module.
    ///
    /// @param input the amax of each channel
    /// @param weight the amax of each column
    float[] factors(float[] input, float[] weight) {
        float[] factors = new float[input.length];
        for (int i = 0; i < factors.length; i++) {
            float factor = power(weight[i], 1 - (float) alpha) / power(input[i], (float) alpha);
            factors[i] = Float.isNaN(factor) ? 1 : Math.clamp(factor, LEAST, MOST);
        }
        return factors;
    }

    private static float power(float base, float exponent) {
        return (float) StrictMath.pow(base, exponent);
    }

    /// Returns the factors of all modules, those that share an input having the mean of theirs.
    ///
    /// @param own the factors of each module, by its name
    Map<String, ChannelFactors> shared(Map<String, float[]> own) {
        Map<String, ChannelFactors> shared = new HashMap<>();
        own.forEach((name, factors) -> {
            List<float[]> group = plan.module(name).stream()
                    .flatMap(module -> module.inputGroup().stream())
                    .flatMap(member -> Optional.ofNullable(own.get(member)).stream())
                    .toList();
            shared.put(name, new ChannelFactors(group.size() > 1 ? ChannelFactors.mean(group) : factors));
        });
        return shared;
    }
}
