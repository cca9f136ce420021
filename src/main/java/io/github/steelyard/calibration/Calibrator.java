package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.range.Headroom;
import io.github.steelyard.range.HistogramRange;
import io.github.steelyard.range.LeastDivergence;
import io.github.steelyard.range.LeastError;
import io.github.steelyard.range.Percentile;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.recipe.HistogramOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.Measurement;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Maps what was observed at a site, and how its quantizer is configured, to the amax of its scale.
///
/// A calibrator looks at one site and no other: what sites share, what experts without tokens get, and what a recipe
/// pins is decided by [ScaleResolver] from its results, the same for all. One that also needs the weight takes it as a
/// further argument; what it wants observed beside maxima, it says before the pass.
public sealed interface Calibrator {

    /// Returns the calibrator of a recipe.
    ///
    /// @throws IllegalArgumentException if there is none for its algorithm; a plan refuses such a recipe
    static Calibrator of(Recipe recipe) {
        HistogramOptions options = recipe.calibration().histogram();
        HistogramRange range = switch (options.method()) {
            case PERCENTILE -> new Percentile(options.percentile());
            case MSE -> new LeastError();
            case ENTROPY -> new LeastDivergence();
        };
        Algorithm.Method method = recipe.algorithms().getFirst().method();
        return new Activations(headroom(method), smoothed(method), range);
    }

    private static Predicate<QuantizerConfig> smoothed(Algorithm.Method method) {
        return quantizer -> switch (method) {
            case Algorithm.SmoothQuant smooth -> quantizer.format().equals(Optional.of(Format.INT8));
            case Algorithm.AwqLite lite -> quantizer.hasTensorAmax();
            case Algorithm.None none -> false;
            case Algorithm.Max max -> false;
            case Algorithm.Mse mse -> false;
            case Algorithm.LocalHessian hessian -> false;
            case Algorithm.ActHeadroom headroom -> false;
            case Algorithm.NotRun refused -> false;
            case Algorithm.Gptq gptq -> false;
            case Algorithm.Lsq lsq -> false;
        };
    }

    /// Returns what is to be observed at the sites of a plan beside their amax; sites that want nothing are left out,
    /// but
    /// for outputs, which are observed only here.
    static Map<Site, Set<Distribution>> wanted(Plan plan) {
        Calibrator calibrator = of(plan.recipe());
        Map<Site, Set<Distribution>> wanted = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            module.output()
                    .filter(site -> plan.config(site)
                            .filter(config -> config.hasTensorAmax()
                                    && config.pinnedAmax().isEmpty())
                            .isPresent())
                    .ifPresent(site -> wanted.put(
                            site,
                            plan.config(site)
                                    .flatMap(config -> calibrator.distribution(site, config))
                                    .map(Set::of)
                                    .orElse(Set.of())));
            for (Site site : module.sites()) {
                plan.config(site)
                        .filter(config -> config.pinnedAmax().isEmpty())
                        .flatMap(config -> calibrator.distribution(site, config))
                        .ifPresent(distribution -> cached(module, site)
                                .forEach(
                                        own -> wanted.computeIfAbsent(own, absent -> EnumSet.noneOf(Distribution.class))
                                                .add(distribution)));
            }
        }
        return wanted;
    }

    /// Returns where a server looks for what the quantizer of a site scales: it caches the latent and the rotated key,
    /// whichever sites of latent attention the recipe names.
    private static List<Site> cached(ModuleInfo module, Site site) {
        return module.isLatentAttention() ? module.sites() : List.of(site);
    }

    /// Returns what has to be observed at a site of this quantizer beside its amax.
    Optional<Distribution> distribution(Site site, QuantizerConfig quantizer);

    /// Returns the amax of the tensor, positive and in its own units, empty where nothing can be made of what was
    /// observed.
    ///
    /// @param quantizer its configuration; empty at a site without one, whose result serves others
    /// @param observed what one population of tokens showed, without NaN and infinities; with the distribution that is
    /// wanted
    Optional<Float> calibrate(Site site, Optional<QuantizerConfig> quantizer, Measurement observed);

    /// Takes the largest magnitude as it is. Zeros give nothing.
    record Max() implements Calibrator {

        @Override
        public Optional<Distribution> distribution(Site site, QuantizerConfig quantizer) {
            return Optional.empty();
        }

        @Override
        public Optional<Float> calibrate(Site site, Optional<QuantizerConfig> quantizer, Measurement observed) {
            return observed.amax() > 0 ? Optional.of(observed.amax()) : Optional.empty();
        }
    }

    /// As [Max], but for quantizers whose calibrator is a histogram, and NVFP4 inputs that are to have room.
    ///
    /// @param headroom what gives the amax of NVFP4 inputs, if it is not the largest magnitude
    /// @param smoothed whether the channels of an input with this quantizer get factors, so that the amax is that after
    ///     these
    /// @param range how quantizers with a histogram choose from it
    record Activations(Optional<Headroom> headroom, Predicate<QuantizerConfig> smoothed, HistogramRange range)
            implements Calibrator {

        @Override
        public Optional<Distribution> distribution(Site site, QuantizerConfig quantizer) {
            if (quantizer.isHistogram()) {
                return Optional.of(Distribution.MAGNITUDES);
            }
            if (site.role() == Role.INPUT && smoothed.test(quantizer)) {
                return Optional.of(Distribution.CHANNELS);
            }
            boolean room = headroom.isPresent()
                    && site.role() == Role.INPUT
                    && quantizer.format().equals(Optional.of(Format.NVFP4));
            return room ? Optional.of(Distribution.BLOCKS) : Optional.empty();
        }

        @Override
        public Optional<Float> calibrate(Site site, Optional<QuantizerConfig> quantizer, Measurement observed) {
            Optional<Distribution> wanted = quantizer.flatMap(config -> distribution(site, config));
            if (wanted.isEmpty() || observed.amax() == 0) {
                return new Max().calibrate(site, quantizer, observed);
            }
            return switch (wanted.get()) {
                case MAGNITUDES ->
                    observed.magnitudes()
                            .flatMap(found -> range.amax(
                                    found,
                                    observed.amax(),
                                    quantizer.orElseThrow().format().orElseThrow()));
                case BLOCKS ->
                    observed.blocks().map(found -> headroom.orElseThrow().amax(found, observed.amax()));
                case CHANNELS -> Optional.of(observed.amax()); // of one that gets no factors
            };
        }
    }

    /// Returns what gives the amax of NVFP4 inputs, if it is not the largest magnitude.
    static Optional<Headroom> headroom(Algorithm.Method method) {
        return switch (method) {
            case Algorithm.ActHeadroom options ->
                Optional.of(new Headroom(options.anchorPercentile(), options.upperPercentile(), options.rho()));
            case Algorithm.None none -> Optional.empty(); // of sites whose amax is measured there are none
            case Algorithm.Max max -> Optional.empty();
            case Algorithm.Mse mse -> Optional.empty(); // of inputs; weights are WeightSearch's
            case Algorithm.Lsq lsq -> Optional.empty(); // as long as what it starts from is one of these
            case Algorithm.LocalHessian hessian -> Optional.empty(); // of inputs; weights are Solvers'
            case Algorithm.SmoothQuant smooth -> Optional.empty();
            case Algorithm.AwqLite lite -> Optional.empty();
            case Algorithm.NotRun refused -> throw missing(refused);
            case Algorithm.Gptq gptq -> Optional.empty(); // as well
        };
    }

    private static IllegalArgumentException missing(Algorithm.Method method) {
        return new IllegalArgumentException("no calibrator for algorithm '%s'".formatted(method.name()));
    }
}
