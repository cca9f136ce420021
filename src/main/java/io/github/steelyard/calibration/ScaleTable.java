package io.github.steelyard.calibration;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// The amax of every site that a recipe quantises with a calibrated scale, and where each comes from: what exporters
/// write and what fake quantization uses, so that both are the same.
///
/// The rules, in order:
///
/// 1. A pinned amax stands as it is.
/// 2. A site with NaN or infinite values is refused, and so is one that the statistics do not hold.
/// 3. The input of an expert with fewer than the minimum of tokens, or with nothing but zeros, has no amax of its own.
///    Then the recipe's policy decides: refuse, take the largest routed amax among the layer's experts for the same
///    projection, or take the amax over all tokens. An expert that was shown tokens which were not sent to it has
///    enough if both together are; its amax is the largest of both. **An amax that is imputed, or of tokens that were
///    only shown, never exceeds that largest routed amax.**
///    Zeros anywhere else are refused: no scale can be made of them.
/// 4. With `sharing: layer` the inputs of all experts of a layer take the largest amax per projection.
/// 5. Modules that servers run as one product with one scale share one input amax and one weight amax, the largest: in
///    NVFP4 all that read the same input, as ModelOpt has them, in FP8 those that servers keep in one matrix (q, k and
///    v; gate and up: [io.github.steelyard.site.ModuleInfo#joined]). Servers take the largest scale of these. In NVFP4
///    they do not touch the block scales then; in FP8 they requantise the weight, which no evaluation would have shown.
///
/// 6. Experts that servers keep in one tensor (gpt-oss, Llama-4) share one input amax and one weight amax for each
///    projection, the largest of the layer, in NVFP4 and in FP8.
///
/// 7. The cache of latent attention has one amax, the larger one of the latent and of the rotated key, whether the
///    recipe names these or keys and values: that is what a server caches, under one scale. ModelOpt measures the
///    expanded keys and values, which no server holds.
///
/// With `mse` the weight's amax is moved to where the squared error is least ([WeightSearch]), gate and up of an expert
/// as one matrix, before rule 5; the largest of the moved ones is shared then. Scales of blocks and rows are no part of
/// the table: [PlannedWeights].
///
/// A weight of zeros has no amax and no entry here; the encoder knows what to write for it.
///
/// @param scales the scales in the order of the sites' names
/// @param factors of the channels of inputs, by module, where a recipe moves range into weights; the amax of such an
/// input
///     is that after its factors
public record ScaleTable(SortedMap<Site, SiteScale> scales, Map<String, ChannelFactors> factors) {

    public ScaleTable {
        scales = Collections.unmodifiableSortedMap(new TreeMap<>(scales));
        factors = Map.copyOf(factors);
    }

    /// Scales of inputs that are not multiplied by anything before.
    public ScaleTable(SortedMap<Site, SiteScale> scales) {
        this(scales, Map.of());
    }

    /// Returns the same scales, of which those made from an amax that an adapter showed name it.
    ///
    /// @param statistics what they are made of
    /// @param adapters the adapters' names, in the order of the statistics
    public ScaleTable naming(List<String> adapters, Statistics statistics) {
        TreeMap<Site, SiteScale> named = new TreeMap<>(scales);
        named.replaceAll((site, scale) -> statistics
                .at(scale.from().orElse(site))
                .map(SiteStatistics::routed)
                .filter(found -> found.amax() == scale.amax())
                .flatMap(found -> adapter(adapters, found))
                .map(adapter -> scale.noting("shown by adapter " + adapter))
                .orElse(scale));
        return new ScaleTable(named, factors);
    }

    /// Returns the name of the adapter that showed an amax, if it was one.
    public static Optional<String> adapter(List<String> adapters, Measurement found) {
        int variant = found.variant();
        return variant == 0
                ? Optional.empty()
                : Optional.of(variant <= adapters.size() ? adapters.get(variant - 1) : Integer.toString(variant));
    }

    /// Resolves the scales of a plan whose algorithm searches no weights, experts sharing as its recipe says.
    ///
    /// @param statistics what was measured, the amax of quantised weights included
    /// @throws GateException if a site cannot have a scale; it names every such site
    /// @throws IllegalArgumentException if the algorithm does search weights
    public static ScaleTable resolve(Statistics statistics, Plan plan) {
        if (WeightSearch.isWanted(plan)) {
            throw new IllegalArgumentException("these scales are searched with the weights");
        }
        return resolve(statistics, plan, plan.recipe().export().sharing(), Optional.empty());
    }

    /// Resolves the scales of a plan.
    ///
    /// @param statistics what was measured, the amax of quantised weights included
    /// @param sharing which experts of a layer have one input scale
    /// @param search the search of [WeightSearch#of] for this plan
    /// @throws GateException if a site cannot have a scale; it names every such site
    public static ScaleTable resolve(Statistics statistics, Plan plan, Sharing sharing, Optional<WeightSearch> search) {
        return resolver(Calibrator.of(plan.recipe()), statistics, plan, sharing, search)
                .resolve();
    }

    /// Resolves the scales of a plan before anything was measured, with an amax of 1 wherever one will be.
    public static ScaleTable assumed(Plan plan) {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        for (ModuleInfo module : plan.modules()) {
            module.sites().forEach(site -> sites.put(site, SiteStatistics.of(1, Long.MAX_VALUE, 0)));
            module.output().ifPresent(site -> sites.put(site, SiteStatistics.of(1, Long.MAX_VALUE, 0)));
        }
        return resolver(
                        new Calibrator.Max(),
                        new Statistics(sites),
                        plan,
                        plan.recipe().export().sharing(),
                        Optional.empty())
                .resolve();
    }

    /// Resolves the scales that can be made and leaves out the others: for reports of a run that did not pass.
    ///
    /// @param search the search of [WeightSearch#of] for this plan
    public static ScaleTable resolvable(
            Statistics statistics, Plan plan, Sharing sharing, Optional<WeightSearch> search) {
        return resolver(Calibrator.of(plan.recipe()), statistics, plan, sharing, search)
                .resolvable();
    }

    private static ScaleResolver resolver(
            Calibrator calibrator, Statistics statistics, Plan plan, Sharing sharing, Optional<WeightSearch> search) {
        return new ScaleResolver(
                calibrator,
                statistics,
                List.copyOf(plan.modules()),
                plan::config,
                plan.recipe().calibration(),
                sharing,
                search);
    }

    /// Returns the scale of `site`, empty if none is calibrated.
    public Optional<SiteScale> at(Site site) {
        return Optional.ofNullable(scales.get(site));
    }

    /// Returns the amax of every site.
    public Map<Site, Float> amax() {
        return scales.values().stream().collect(Collectors.toMap(SiteScale::site, SiteScale::amax));
    }

    /// Returns the SHA-256 of what quantises under these scales, in hexadecimal digits.
    ///
    /// @param arithmetic whose order of roundings it has
    public String digest(Arithmetic arithmetic) {
        return Digests.ofText(scales.values().stream()
                .map(scale -> scale.site().name() + " " + Float.toHexString(scale.amax()))
                .collect(Collectors.joining("\n", arithmetic + "\n", "")));
    }

    /// Returns how many scales come from where.
    public Map<ScaleOrigin, Long> origins() {
        return scales.values().stream()
                .collect(Collectors.groupingBy(SiteScale::origin, TreeMap::new, Collectors.counting()));
    }
}
