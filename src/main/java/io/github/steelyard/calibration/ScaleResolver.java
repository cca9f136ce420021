package io.github.steelyard.calibration;

import io.github.steelyard.calibration.LayerMaxima.LayerAmax;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/// Applies the rules of [ScaleTable].
final class ScaleResolver {

    private final Statistics statistics;
    private final List<ModuleInfo> modules;
    private final Function<Site, Optional<QuantizerConfig>> quantizers;
    private final CalibrationOptions policy;
    private final Sharing sharing;
    private final Optional<WeightSearch> search;
    private final TreeMap<Site, SiteScale> scales = new TreeMap<>();
    private final List<String> problems = new ArrayList<>();
    private final SiteAmaxes amaxes;
    private final LayerMaxima layers;

    ScaleResolver(
            Calibrator calibrator,
            Statistics statistics,
            List<ModuleInfo> modules,
            Function<Site, Optional<QuantizerConfig>> quantizers,
            CalibrationOptions policy,
            Sharing sharing,
            Optional<WeightSearch> search) {
        this.statistics = statistics;
        this.modules = modules;
        this.quantizers = quantizers;
        this.policy = policy;
        this.sharing = sharing;
        this.search = search;
        this.amaxes = new SiteAmaxes(
                calibrator,
                quantizers,
                search.map(weights -> weights.factors(statistics)).orElseGet(Map::of),
                search.map(weights -> weights.rescaledInputs(statistics)).orElseGet(Map::of));
        this.layers = new LayerMaxima(amaxes, statistics, modules);
    }

    ScaleTable resolve() {
        ScaleTable table = resolvable();
        if (!problems.isEmpty()) {
            throw new GateException("no scales can be made", problems);
        }
        return table;
    }

    /// Resolves what can be resolved and leaves the rest out.
    ScaleTable resolvable() {
        for (ModuleInfo module : modules) {
            if (module.isLatentAttention()) {
                resolveLatentCache(module);
            } else {
                module.sites().forEach(site -> resolveSite(module, site));
                module.output().ifPresent(site -> resolveOutput(module, site));
            }
        }
        search.ifPresent(weights -> scales.putAll(weights.searched(modules, quantizers, scales)));
        modules.stream()
                .filter(ModuleInfo::isExpert)
                .filter(module -> sharing == Sharing.LAYER || amaxes.isSmoothed(module) || layers.isOneOfAll(module))
                .forEach(this::shareWithLayer);
        new ScaleSharing(modules, quantizers, scales).unify();
        return new ScaleTable(scales, amaxes.factors());
    }

    private void resolveSite(ModuleInfo module, Site site) {
        Optional<QuantizerConfig> quantizer = quantizers.apply(site).filter(QuantizerConfig::enable);
        if (quantizer.isEmpty() || !quantizer.get().hasTensorAmax()) {
            quantizer
                    .filter(found -> site.role() == Role.WEIGHT)
                    .flatMap(found -> statistics.at(site))
                    .ifPresent(found -> requireFinite(site, found));
            return;
        }
        Optional<Float> pinned = quantizer.get().pinnedAmax();
        if (pinned.isPresent()) {
            scales.put(site, SiteScale.constant(site, pinned.get()));
            return;
        }
        Optional<SiteStatistics> input = statistics
                .at(site)
                .filter(found -> module.isExpert() && site.role() == Role.INPUT)
                .filter(found -> isUsable(site, found));
        if (input.filter(found -> isStarved(site, found)).isPresent()) {
            impute(module, site, input.get());
        } else if (!amaxes.isRescaled(module)
                && input.filter(found -> found.covered() > found.tokens()).isPresent()) {
            scales.put(site, toppedUp(module, site, input.get()));
        } else {
            measured(site, site).ifPresent(scale -> scales.put(site, scale));
        }
    }

    private void resolveOutput(ModuleInfo module, Site site) {
        Optional<QuantizerConfig> quantizer =
                quantizers.apply(site).filter(found -> found.enable() && found.hasTensorAmax());
        if (quantizer.isEmpty()) {
            return;
        }
        Optional<Float> pinned = quantizer.get().pinnedAmax();
        SiteStatistics found = statistics.at(site).orElseGet(() -> SiteStatistics.of(0, 0, 0));
        long tokens = found.tokens();
        if (pinned.isPresent()) {
            scales.put(site, SiteScale.constant(site, pinned.get()));
        } else if (module.isExpert() && tokens < policy.minTokens() && isUsable(site, found)) {
            imputeOutput(module, site, tokens);
        } else {
            measured(site, site).ifPresent(scale -> scales.put(site, scale));
        }
    }

    /// An output of an expert with few tokens takes the largest of its layer, however its input got its own.
    private void imputeOutput(ModuleInfo module, Site site, long tokens) {
        String coverage = String.format(Locale.ROOT, "%d of %d token(s)", tokens, policy.minTokens());
        Optional<SiteScale> largest = layers.output(module);
        if (largest.isEmpty() || policy.starvedExperts() == CalibrationOptions.StarvedExperts.FAIL) {
            problems.add(
                    "%s saw %s: give more data, or say in the recipe what such experts get".formatted(site, coverage));
        } else {
            SiteScale layer = largest.get();
            scales.put(
                    site,
                    SiteScale.imputed(site, layer.amax(), Optional.of(layer.site()), coverage + ", layer maximum"));
        }
    }

    /// Returns the scale from a site's own measurement; where there can be none, notes why, but of weights of zeros.
    ///
    /// @param configured the site whose quantizer it is for
    private Optional<SiteScale> measured(Site site, Site configured) {
        Optional<SiteStatistics> found = statistics.at(site);
        if (found.isEmpty()) {
            problems.add("%s is not in the statistics".formatted(site));
            return Optional.empty();
        }
        if (!requireFinite(site, found.get())) {
            return Optional.empty();
        }
        if (!amaxes.isObserved(configured, found.get())) {
            problems.add(
                    "%s: what its amax is chosen from was not observed; calibrate with this recipe".formatted(site));
            return Optional.empty();
        }
        Optional<Float> amax = amaxes.amax(configured, found.get().routed());
        if (amax.isEmpty() && site.role() != Role.WEIGHT) {
            problems.add(String.format(
                    Locale.ROOT,
                    "%s saw nothing but zeros in %d token(s)",
                    site,
                    found.get().tokens()));
        }
        return amax.map(value -> SiteScale.measured(site, value));
    }

    /// No scale can be made of what is no number, whichever granularity it has.
    private boolean requireFinite(Site site, SiteStatistics found) {
        if (found.nonFinite() > 0) {
            problems.add(String.format(Locale.ROOT, "%s saw %d NaN or infinite value(s)", site, found.nonFinite()));
        }
        return found.nonFinite() == 0;
    }

    /// Returns whether what was measured is not refused whatever a recipe does about few tokens.
    private boolean isUsable(Site site, SiteStatistics found) {
        return found.nonFinite() == 0 && amaxes.isObserved(site, found);
    }

    /// Whatever the recipe names, keys and values or what stands for them, a server has one scale for what it caches.
    private void resolveLatentCache(ModuleInfo module) {
        List<Site> quantised = module.sites().stream()
                .filter(site -> quantizers
                        .apply(site)
                        .filter(QuantizerConfig::enable)
                        .filter(QuantizerConfig::hasTensorAmax)
                        .isPresent())
                .toList();
        List<Site> unpinned = new ArrayList<>();
        for (Site site : quantised) {
            quantizers
                    .apply(site)
                    .flatMap(QuantizerConfig::pinnedAmax)
                    .ifPresentOrElse(
                            amax -> scales.put(site, SiteScale.constant(site, amax)), () -> unpinned.add(site));
        }
        if (unpinned.isEmpty()) {
            return;
        }
        Optional<SiteScale> largest = Stream.of(Role.LATENT, Role.ROTATED_KEY)
                .flatMap(role -> measured(new Site(module.name(), role), unpinned.getFirst()).stream())
                .reduce(SiteScale::larger);
        largest.ifPresent(found -> unpinned.forEach(site -> scales.put(
                site,
                site.equals(found.site())
                        ? found
                        : SiteScale.shared(site, found, "one scale for latent and rotated key"))));
    }

    private boolean isStarved(Site site, SiteStatistics found) {
        return found.covered() < policy.minTokens()
                || (amaxes.amax(site, found.routed()).isEmpty()
                        && found.topUp().measurement().amax() == 0);
    }

    private SiteScale toppedUp(ModuleInfo module, Site site, SiteStatistics found) {
        float own = amaxes.amax(site, found.routed()).orElse(0f);
        float nearest = found.topUp().measurement().amax();
        float limit = layers.of(module).map(LayerAmax::amax).orElse(nearest);
        String detail = String.format(
                Locale.ROOT,
                "%d token(s) routed, %d with the nearest scores%s",
                found.tokens(),
                found.topUp().tokens().size(),
                nearest > limit ? ", limited to the layer's maximum" : "");
        return new SiteScale(
                site, Math.max(own, Math.min(nearest, limit)), ScaleOrigin.TOPPED_UP, Optional.empty(), detail);
    }

    private void impute(ModuleInfo module, Site site, SiteStatistics seen) {
        Optional<LayerAmax> found = layers.of(module);
        if (found.isEmpty()) {
            problems.add("%s saw no token, nor did any expert of its layer".formatted(site));
            return;
        }
        LayerAmax layer = found.get();
        String coverage = String.format(Locale.ROOT, "%d of %d token(s)", seen.covered(), policy.minTokens());
        switch (policy.starvedExperts()) {
            case FAIL ->
                problems.add("%s saw %s: give more data, or say in the recipe what such experts get"
                        .formatted(site, coverage));
            case LAYER_MAX ->
                scales.put(site, SiteScale.imputed(site, layer.amax(), layer.from(), coverage + ", layer maximum"));
            case ALL_TOKENS -> imputeFromAllTokens(site, seen, layer, coverage);
        }
    }

    private void imputeFromAllTokens(Site site, SiteStatistics found, LayerAmax layer, String coverage) {
        float all = found.all().flatMap(observed -> amaxes.amax(site, observed)).orElse(0f);
        if (all == 0) {
            problems.add("%s saw %s, and its amax over all tokens was not measured: calibrate with all experts"
                    .formatted(site, coverage));
            return;
        }
        float amax = Math.max(amaxes.amax(site, found.routed()).orElse(0f), Math.min(all, layer.amax()));
        String limit = all > layer.amax() ? ", limited to the layer's maximum" : "";
        scales.put(site, SiteScale.imputed(site, amax, Optional.empty(), coverage + ", all tokens" + limit));
    }

    private void shareWithLayer(ModuleInfo module) {
        Site site = new Site(module.name(), Role.INPUT);
        SiteScale own = scales.get(site);
        Optional<LayerAmax> found = layers.of(module);
        if (own == null
                || found.isEmpty()
                || own.origin() == ScaleOrigin.CONSTANT
                || own.amax() == found.get().amax()) {
            return;
        }
        LayerAmax layer = found.get();
        scales.put(
                site,
                own.origin() == ScaleOrigin.IMPUTED
                        ? SiteScale.imputed(site, layer.amax(), layer.from(), own.detail())
                        : new SiteScale(site, layer.amax(), ScaleOrigin.SHARED, layer.from(), "one scale per layer"));
    }
}
