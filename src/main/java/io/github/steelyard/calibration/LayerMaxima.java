package io.github.steelyard.calibration;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What all experts of a layer showed together, product by product.
final class LayerMaxima {

    private final SiteAmaxes amaxes;

    /// For each projection of a layer, the routed expert input with the largest amax of its own.
    private final Map<Projection, SiteScale> inputs = new HashMap<>();

    /// For each of them what all its experts saw, where an amax is chosen from a distribution.
    private final Map<Projection, Measurement> seen = new HashMap<>();

    private final Map<Projection, SiteScale> outputs = new HashMap<>();

    /// An amax for all experts of a layer.
    ///
    /// @param from the expert that has it as its own; empty if it is that of the tokens of all
    record LayerAmax(float amax, Optional<Site> from) {}

    LayerMaxima(SiteAmaxes amaxes, Statistics statistics, List<ModuleInfo> modules) {
        this.amaxes = amaxes;
        for (ModuleInfo module : modules) {
            if (module.isExpert()) {
                noteInput(statistics, module);
                note(statistics, module, Role.OUTPUT, outputs);
            }
        }
    }

    private void noteInput(Statistics statistics, ModuleInfo module) {
        note(statistics, module, Role.INPUT, inputs);
        Site site = new Site(module.name(), Role.INPUT);
        statistics
                .at(site)
                .filter(found -> amaxes.distribution(site).isPresent())
                .map(SiteStatistics::routed)
                .ifPresent(observed -> seen.merge(Projection.of(module), observed, Measurement::merge));
    }

    private void note(Statistics statistics, ModuleInfo module, Role role, Map<Projection, SiteScale> maxima) {
        Site site = new Site(module.name(), role);
        statistics
                .at(site)
                .flatMap(found -> amaxes.amax(site, found.routed()))
                .ifPresent(
                        amax -> maxima.merge(Projection.of(module), SiteScale.measured(site, amax), SiteScale::larger));
    }

    /// Returns the amax of the inputs of a layer's experts: that of all their tokens together, as one quantizer for
    /// them would have it.
    Optional<LayerAmax> of(ModuleInfo module) {
        Optional<Measurement> observed = Optional.ofNullable(seen.get(Projection.of(module)));
        return Optional.ofNullable(inputs.get(Projection.of(module))).map(largest -> {
            Site configured = amaxes.isSmoothed(module) ? new Site(module.name(), Role.INPUT) : largest.site();
            float amax = observed.flatMap(all -> amaxes.amax(configured, all)).orElse(largest.amax());
            return new LayerAmax(amax, amax == largest.amax() ? Optional.of(largest.site()) : Optional.empty());
        });
    }

    /// Returns whether all experts have one input scale, and that is not simply the largest of theirs.
    boolean isOneOfAll(ModuleInfo module) {
        return module.stacked().isPresent()
                && of(module).filter(layer -> layer.from().isEmpty()).isPresent();
    }

    /// Returns the largest output of the layer's experts.
    Optional<SiteScale> output(ModuleInfo module) {
        return Optional.ofNullable(outputs.get(Projection.of(module)));
    }
}
