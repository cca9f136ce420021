package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/// Fake quantization as a plan and its scales want it: what a server would compute after the export.
public final class PlannedQuantizers {

    private PlannedQuantizers() {}

    /// Returns the quantizer of every quantised site.
    ///
    /// @param keepsWeight tells whether a module's weight already is stored in the planned format and will be shipped
    ///     as it is, so that it must not be quantised twice
    public static Map<Site, FakeQuantizer> of(Plan plan, ScaleTable scales, Predicate<ModuleInfo> keepsWeight) {
        Map<Site, FakeQuantizer> quantizers = new TreeMap<>();
        for (ModuleInfo module : plan.modules()) {
            if (module.isLatentAttention()) {
                latentCache(module, plan, scales, quantizers);
                continue;
            }
            module.output()
                    .ifPresent(site -> plan.format(site)
                            .flatMap(format -> quantizer(site, format, plan, scales))
                            .ifPresent(quantizer -> quantizers.put(site, quantizer)));
            if (plan.scalesInput(module.name())) {
                scaledOnly(module, plan, scales).ifPresent(q -> quantizers.put(new Site(module.name(), Role.INPUT), q));
            }
            for (Site site : module.sites()) {
                Optional<Format> format = plan.format(site);
                if (format.isPresent() && !(site.role() == Role.WEIGHT && keepsWeight.test(module))) {
                    quantizer(site, format.get(), plan, scales).ifPresent(q -> quantizers.put(site, q));
                }
            }
        }
        return quantizers;
    }

    /// A server caches the latent and the rotated key, whatever the recipe names.
    private static void latentCache(
            ModuleInfo module, Plan plan, ScaleTable scales, Map<Site, FakeQuantizer> quantizers) {
        Site first = module.cacheSites(site -> plan.format(site).isPresent()).getFirst();
        plan.format(first)
                .flatMap(format -> quantizer(first, format, plan, scales))
                .ifPresent(quantizer -> {
                    quantizers.put(new Site(module.name(), Role.LATENT), quantizer);
                    quantizers.put(new Site(module.name(), Role.ROTATED_KEY), quantizer);
                });
    }

    /// An input that is not quantised meets a weight that was divided by its factors all the same.
    private static Optional<FakeQuantizer> scaledOnly(ModuleInfo module, Plan plan, ScaleTable scales) {
        return Optional.ofNullable(scales.factors().get(module.name()))
                .filter(factors -> plan.scheme(module.name()).input().isEmpty())
                .map(FakeQuantizer::ofFactors);
    }

    /// A weight of zeros has no scale and needs no quantizer.
    private static Optional<FakeQuantizer> quantizer(Site site, Format format, Plan plan, ScaleTable scales) {
        Optional<Float> amax = scales.at(site).map(SiteScale::amax);
        Optional<ChannelFactors> factors = Optional.ofNullable(scales.factors().get(site.module()))
                .filter(found -> site.role() == Role.INPUT || !plan.scalesInput(site.module())); // is in the weight
        if (site.role() == Role.WEIGHT) {
            return amax.or(() -> format.hasTensorScale() ? Optional.empty() : Optional.of(0f))
                    .map(value ->
                            FakeQuantizer.ofWeight(new PlannedWeights(plan, scales).encoder(site.module()), value))
                    .map(quantizer -> factors.map(found -> quantizer.after(found.inverse()))
                            .orElse(quantizer));
        }
        FakeQuantizer quantizer =
                FakeQuantizer.of(format, plan.arithmetic(), plan.arithmetic().readBack(format, amax.orElse(0f)));
        return Optional.of(
                site.role() == Role.INPUT ? factors.map(quantizer::after).orElse(quantizer) : quantizer);
    }
}
