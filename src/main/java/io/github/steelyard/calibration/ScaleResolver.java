package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;

/// Applies the rules of [ScaleTable].
final class ScaleResolver {

    private static final String SHARED_INPUT = "one scale for modules that share an input";
    private static final String JOINED = "one scale for modules that servers keep in one matrix";

    private final Calibrator calibrator;
    private final Statistics statistics;
    private final List<ModuleInfo> modules;
    private final Function<Site, Optional<QuantizerConfig>> quantizers;
    private final CalibrationOptions policy;
    private final Sharing sharing;
    private final Optional<WeightSearch> search;
    private final TreeMap<Site, SiteScale> scales = new TreeMap<>();
    private final List<String> problems = new ArrayList<>();

    /// The amax of each measurement that was asked for: some take a search.
    private final IdentityHashMap<Measurement, Optional<Float>> amaxes = new IdentityHashMap<>();

    /// What inputs of modules are multiplied by, if anything.
    private final Map<String, ChannelFactors> factors = new HashMap<>();

    /// The same product of all experts of a layer.
    private record Projection(String group, ExpertPart.Product product) {}

    /// An amax for all experts of a layer.
    ///
    /// @param from the expert that has it as its own; empty if it is that of the tokens of all
    private record LayerAmax(float amax, Optional<Site> from) {}

    /// For each projection of a layer, the routed expert input with the largest amax of its own.
    private final Map<Projection, SiteScale> layerMaxima = new HashMap<>();

    /// For each of them what all its experts saw, where an amax is chosen from a distribution.
    private final Map<Projection, Measurement> layers = new HashMap<>();

    ScaleResolver(
            Calibrator calibrator,
            Statistics statistics,
            List<ModuleInfo> modules,
            Function<Site, Optional<QuantizerConfig>> quantizers,
            CalibrationOptions policy,
            Sharing sharing,
            Optional<WeightSearch> search) {
        this.calibrator = calibrator;
        this.statistics = statistics;
        this.modules = modules;
        this.quantizers = quantizers;
        this.policy = policy;
        this.sharing = sharing;
        this.search = search;
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
        search.ifPresent(weights -> factors.putAll(weights.factors(statistics)));
        modules.stream().filter(ModuleInfo::isExpert).forEach(this::noteMaximum);
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
                .filter(module -> sharing == Sharing.LAYER || factors.containsKey(module.name()) || isOneOfAll(module))
                .forEach(this::shareWithLayer);
        unifyGroups();
        unifyStacks();
        return new ScaleTable(scales, factors);
    }

    private void noteMaximum(ModuleInfo module) {
        Site site = new Site(module.name(), Role.INPUT);
        Optional<Measurement> seen = statistics.at(site).map(SiteStatistics::routed);
        seen.flatMap(observed -> amax(site, observed))
                .ifPresent(amax ->
                        layerMaxima.merge(projection(module), SiteScale.measured(site, amax), ScaleResolver::larger));
        seen.filter(observed -> distribution(site).isPresent())
                .ifPresent(observed -> layers.merge(projection(module), observed, Measurement::merge));
    }

    /// Returns the amax of a layer: that of all its experts' tokens together, as one quantizer for them would have it.
    private Optional<LayerAmax> layerAmax(ModuleInfo module) {
        Optional<Measurement> observed = Optional.ofNullable(layers.get(projection(module)));
        return Optional.ofNullable(layerMaxima.get(projection(module))).map(largest -> {
            Site configured = factors.containsKey(module.name()) ? new Site(module.name(), Role.INPUT) : largest.site();
            float amax = observed.flatMap(all -> amax(configured, all)).orElse(largest.amax());
            return new LayerAmax(amax, amax == largest.amax() ? Optional.of(largest.site()) : Optional.empty());
        });
    }

    /// Returns whether all experts have one input scale, and that is not simply the largest of theirs.
    private boolean isOneOfAll(ModuleInfo module) {
        return module.stacked().isPresent()
                && layerAmax(module).filter(layer -> layer.from().isEmpty()).isPresent();
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
        } else if (input.filter(found -> found.covered() > found.tokens()).isPresent()) {
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
        Optional<SiteScale> largest = modules.stream()
                .filter(other -> other.isExpert() && projection(other).equals(projection(module)))
                .map(other -> new Site(other.name(), Role.OUTPUT))
                .flatMap(other -> statistics.at(other).flatMap(found -> amax(other, found.routed())).stream()
                        .map(amax -> SiteScale.measured(other, amax)))
                .reduce(ScaleResolver::larger);
        if (largest.isEmpty() || policy.starvedExperts() == CalibrationOptions.StarvedExperts.FAIL) {
            problems.add(
                    "%s saw %s: give more data, or say in the recipe what such experts get".formatted(site, coverage));
        } else {
            SiteScale layer = largest.get();
            scales.put(site, imputed(site, layer.amax(), Optional.of(layer.site()), coverage + ", layer maximum"));
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
        if (!isObserved(configured, found.get())) {
            problems.add(
                    "%s: what its amax is chosen from was not observed; calibrate with this recipe".formatted(site));
            return Optional.empty();
        }
        Optional<Float> amax = amax(configured, found.get().routed());
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
        return found.nonFinite() == 0 && isObserved(site, found);
    }

    /// Returns whether the distribution that the amax of a site is chosen from covers its tokens.
    private boolean isObserved(Site site, SiteStatistics found) {
        return distribution(site).map(found.routed()::covers).orElse(true);
    }

    private Optional<Distribution> distribution(Site site) {
        return quantizers.apply(site).flatMap(quantizer -> calibrator.distribution(site, quantizer));
    }

    private Optional<Float> amax(Site site, Measurement observed) {
        ChannelFactors smoothing = site.role() == Role.INPUT ? factors.get(site.module()) : null;
        if (smoothing != null) {
            return observed.channels()
                    .map(channels -> smoothing.largest(channels.values()))
                    .filter(largest -> largest > 0);
        }
        return amaxes.computeIfAbsent(
                observed,
                absent -> calibrator
                        .calibrate(site, quantizers.apply(site), observed)
                        .map(calibrated -> switch (calibrated) {
                            case Calibrated.TensorAmax tensor -> tensor.amax();
                        }));
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
        if (quantised.isEmpty()) {
            return;
        }
        List<SiteScale> cached = new ArrayList<>();
        for (Role role : List.of(Role.LATENT, Role.ROTATED_KEY)) {
            measured(new Site(module.name(), role), quantised.getFirst()).ifPresent(cached::add);
        }
        for (Site site : quantised) {
            Optional<Float> pinned = quantizers.apply(site).flatMap(QuantizerConfig::pinnedAmax);
            if (pinned.isPresent()) {
                scales.put(site, SiteScale.constant(site, pinned.get()));
            } else {
                cached.stream()
                        .reduce(ScaleResolver::larger)
                        .ifPresent(largest -> scales.put(
                                site,
                                site.equals(largest.site())
                                        ? largest
                                        : SiteScale.shared(site, largest, "one scale for latent and rotated key")));
            }
        }
    }

    private boolean isStarved(Site site, SiteStatistics found) {
        return found.covered() < policy.minTokens()
                || (amax(site, found.routed()).isEmpty()
                        && found.topUp().measurement().amax() == 0);
    }

    private SiteScale toppedUp(ModuleInfo module, Site site, SiteStatistics found) {
        float own = amax(site, found.routed()).orElse(0f);
        float nearest = found.topUp().measurement().amax();
        float limit = layerAmax(module).map(LayerAmax::amax).orElse(nearest);
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
        Optional<LayerAmax> found = layerAmax(module);
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
            case LAYER_MAX -> scales.put(site, imputed(site, layer.amax(), layer.from(), coverage + ", layer maximum"));
            case ALL_TOKENS -> imputeFromAllTokens(site, seen, layer, coverage);
        }
    }

    private void imputeFromAllTokens(Site site, SiteStatistics found, LayerAmax layer, String coverage) {
        float all = found.all().flatMap(observed -> amax(site, observed)).orElse(0f);
        if (all == 0) {
            problems.add("%s saw %s, and its amax over all tokens was not measured: calibrate with all experts"
                    .formatted(site, coverage));
            return;
        }
        float amax = Math.max(amax(site, found.routed()).orElse(0f), Math.min(all, layer.amax()));
        String limit = all > layer.amax() ? ", limited to the layer's maximum" : "";
        scales.put(site, imputed(site, amax, Optional.empty(), coverage + ", all tokens" + limit));
    }

    private void shareWithLayer(ModuleInfo module) {
        Site site = new Site(module.name(), Role.INPUT);
        SiteScale own = scales.get(site);
        Optional<LayerAmax> found = layerAmax(module);
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
                        ? imputed(site, layer.amax(), layer.from(), own.detail())
                        : new SiteScale(site, layer.amax(), ScaleOrigin.SHARED, layer.from(), "one scale per layer"));
    }

    private void unifyGroups() {
        Set<List<String>> done = new HashSet<>();
        for (ModuleInfo module : modules) {
            unifyOnce(module.inputGroup(), false, SHARED_INPUT, done);
        }
        done.clear();
        for (ModuleInfo module : modules) {
            unifyOnce(module.joined(), true, JOINED, done);
        }
    }

    private void unifyOnce(List<String> group, boolean joined, String why, Set<List<String>> done) {
        if (group.size() > 1 && done.add(group)) {
            unify(group, Role.INPUT, name -> isSharedAsJoined(name).equals(Optional.of(joined)), why);
            unify(group, Role.WEIGHT, name -> isSharedAsJoined(name).equals(Optional.of(joined)), why);
        }
    }

    private void unifyStacks() {
        Map<String, List<String>> members = new LinkedHashMap<>();
        modules.forEach(module -> module.stacked()
                .ifPresent(place -> members.computeIfAbsent(place.stack().tensor(), absent -> new ArrayList<>())
                        .add(module.name())));
        for (List<String> names : members.values()) {
            unify(names, Role.INPUT, this::isQuantised, "one scale for all experts in one tensor");
            unify(names, Role.WEIGHT, this::isQuantised, "one scale for all experts in one tensor");
        }
    }

    private boolean isQuantised(String module) {
        return quantizers
                .apply(new Site(module, Role.WEIGHT))
                .filter(QuantizerConfig::enable)
                .filter(QuantizerConfig::hasTensorAmax)
                .isPresent();
    }

    private void unify(List<String> group, Role role, Predicate<String> joined, String why) {
        List<Site> sites =
                group.stream().filter(joined).map(name -> new Site(name, role)).toList();
        Optional<SiteScale> largest =
                sites.stream().map(scales::get).filter(Objects::nonNull).reduce(ScaleResolver::larger);
        if (largest.isEmpty()) {
            return;
        }
        for (Site site : sites) {
            SiteScale own = scales.get(site);
            if (own == null ? role == Role.WEIGHT : own.amax() != largest.get().amax()) {
                scales.put(
                        site,
                        own != null && own.origin() == ScaleOrigin.IMPUTED
                                ? imputed(
                                        site,
                                        largest.get().amax(),
                                        Optional.of(largest.get().site()),
                                        own.detail())
                                : SiteScale.shared(site, largest.get(), why));
            }
        }
    }

    /// Returns whether a module shares its scales with those that servers keep in one matrix with it, rather than with
    /// all that read the same input; empty if its weight is not quantised, or is FP8 in parts, whose input has no
    /// scale.
    private Optional<Boolean> isSharedAsJoined(String module) {
        return quantizers
                .apply(new Site(module, Role.WEIGHT))
                .filter(QuantizerConfig::enable)
                .flatMap(QuantizerConfig::format)
                .filter(format -> format.coding() != Format.Coding.FP8 || format.hasTensorScale())
                .map(format -> format.coding() == Format.Coding.FP8);
    }

    private static SiteScale imputed(Site site, float amax, Optional<Site> from, String detail) {
        return new SiteScale(site, amax, ScaleOrigin.IMPUTED, from, detail);
    }

    /// The larger of two; of equal ones the first by name, so that the result does not depend on order.
    private static SiteScale larger(SiteScale one, SiteScale other) {
        int byAmax = Float.compare(one.amax(), other.amax());
        return byAmax > 0 || (byAmax == 0 && one.site().compareTo(other.site()) <= 0) ? one : other;
    }

    private static Projection projection(ModuleInfo module) {
        ExpertPart part = module.expert().orElseThrow();
        return new Projection(part.group(), part.product());
    }
}
