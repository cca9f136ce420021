package io.github.steelyard.calibration;

import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// What measurements give as the amax of one site, whatever others have.
final class SiteAmaxes {

    private final Calibrator calibrator;
    private final Function<Site, Optional<QuantizerConfig>> quantizers;
    private final Map<String, ChannelFactors> factors;
    private final Map<String, Float> rescaled;

    /// The amax of each measurement that was asked for: some take a search.
    private final IdentityHashMap<Measurement, Optional<Float>> amaxes = new IdentityHashMap<>();

    /// @param factors what inputs of modules are multiplied by, if anything
    /// @param rescaled the amax of inputs for which factors were solved, by module, whatever is observed
    SiteAmaxes(
            Calibrator calibrator,
            Function<Site, Optional<QuantizerConfig>> quantizers,
            Map<String, ChannelFactors> factors,
            Map<String, Float> rescaled) {
        this.calibrator = calibrator;
        this.quantizers = quantizers;
        this.factors = factors;
        this.rescaled = rescaled;
    }

    Map<String, ChannelFactors> factors() {
        return factors;
    }

    /// Returns whether the input of a module is multiplied by factors.
    boolean isSmoothed(ModuleInfo module) {
        return factors.containsKey(module.name()) && !rescaled.containsKey(module.name());
    }

    /// Returns whether the amax of a module's input is that after factors which were solved.
    boolean isRescaled(ModuleInfo module) {
        return rescaled.containsKey(module.name());
    }

    /// Returns the amax under the quantizer of `site`, empty where there can be none.
    Optional<Float> amax(Site site, Measurement observed) {
        Float solved = site.role() == Role.INPUT ? rescaled.get(site.module()) : null;
        if (solved != null) {
            return Optional.of(solved).filter(largest -> largest > 0);
        }
        ChannelFactors smoothing = site.role() == Role.INPUT ? factors.get(site.module()) : null;
        if (smoothing != null) {
            return observed.channels()
                    .map(channels -> smoothing.largest(channels.values()))
                    .filter(largest -> largest > 0);
        }
        return amaxes.computeIfAbsent(observed, absent -> calibrator.calibrate(site, quantizers.apply(site), observed));
    }

    /// Returns whether the distribution that the amax of a site is chosen from covers its tokens.
    boolean isObserved(Site site, SiteStatistics found) {
        return distribution(site).map(found.routed()::covers).orElse(true);
    }

    /// Returns the distribution that the amax of a site is chosen from, empty where it is the largest magnitude.
    Optional<Distribution> distribution(Site site) {
        return quantizers.apply(site).flatMap(quantizer -> calibrator.distribution(site, quantizer));
    }
}
