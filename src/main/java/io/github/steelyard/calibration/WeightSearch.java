package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.search.Multipliers;
import io.github.steelyard.search.TensorSearch;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Stream;

/// Moves the amax of weights with one scale for the tensor to where the squared error is least: FP8, and NVFP4 whose
/// block scales are made from the blocks. That of static blocks stays; their own are searched ([PlannedWeights]).
///
/// What ModelOpt has under one quantizer is searched as one: gate and up of an expert, all experts in one tensor. What
/// is shipped as it is stored is not searched. Results do not depend on threads.
public final class WeightSearch {

    /// Values of a weight that are looked at together, about.
    private static final int PIECE = 1 << 18;

    private final Map<String, Linear> linears = new HashMap<>();
    private final Weights weights;
    private final Plan plan;
    private final Optional<TensorSearch> search;
    private final Optional<Rescaling> rescaling;
    private final int threads;

    private WeightSearch(
            Plan plan,
            Decoder decoder,
            Weights weights,
            Optional<TensorSearch> search,
            Optional<Rescaling> rescaling,
            int threads) {
        this.plan = plan;
        this.rescaling = rescaling;
        decoder.linears().forEach(linear -> linears.put(linear.info().name(), linear));
        this.weights = weights;
        this.search = search;
        this.threads = threads;
    }

    /// Returns the search that a plan's algorithm wants; empty if it takes the amax of weights as it is.
    ///
    /// @param weights must stay open
    /// @param threads how many weights are searched at a time
    public static Optional<WeightSearch> of(Plan plan, Decoder decoder, Weights weights, int threads) {
        return of(plan, decoder, weights, Optional.empty(), threads);
    }

    /// Returns the search that a plan's algorithm wants, or its factors of channels do; empty if the amax of weights is
    /// taken as it is.
    ///
    /// @param weights those that `rescaling` makes, if there is one; must stay open
    public static Optional<WeightSearch> of(
            Plan plan, Decoder decoder, Weights weights, Optional<Rescaling> rescaling, int threads) {
        Optional<TensorSearch> search = multipliers(plan).map(tried -> new TensorSearch(tried, Kernels.fastest()));
        return search.isPresent() || rescaling.isPresent() || Smoothing.of(plan).isPresent()
                ? Optional.of(new WeightSearch(plan, decoder, weights, search, rescaling, threads))
                : Optional.empty();
    }

    /// Returns whether a plan's algorithm looks at weights for scales.
    static boolean isWanted(Plan plan) {
        return Smoothing.of(plan).isPresent()
                || (multipliers(plan).isPresent()
                        && plan.modules().stream()
                                .map(module -> new Site(module.name(), Role.WEIGHT))
                                .anyMatch(site -> plan.config(site)
                                        .filter(WeightSearch::isSearched)
                                        .isPresent()));
    }

    /// Returns what the plan's algorithm multiplies the amax of weights with; empty if it tries every block scale, or
    /// nothing.
    static Optional<Multipliers> multipliers(Plan plan) {
        return options(plan)
                .filter(options -> !options.fp8Sweep())
                .map(options -> Multipliers.spaced(options.start(), options.stop(), options.step()));
    }

    /// Returns the options of the search over weights that the plan's algorithm is.
    static Optional<Algorithm.Search> options(Plan plan) {
        return options(plan.recipe().algorithms().getFirst().method());
    }

    private static Optional<Algorithm.Search> options(Algorithm.Method method) {
        return switch (method) {
            case Algorithm.Mse mse -> Optional.of(mse.search());
            case Algorithm.Lsq lsq -> options(lsq.scaleAlgorithm());
            case Algorithm.None none -> Optional.empty();
            case Algorithm.Max max -> Optional.empty();
            case Algorithm.LocalHessian hessian -> Optional.empty();
            case Algorithm.ActHeadroom headroom -> options(headroom.weights());
            case Algorithm.SmoothQuant smooth -> Optional.empty();
            case Algorithm.AwqLite lite -> Optional.empty();
            case Algorithm.NotRun refused -> Optional.empty();
            case Algorithm.Gptq gptq -> Optional.empty();
        };
    }

    private static boolean isSearched(QuantizerConfig config) {
        return config.enable()
                && config.hasTensorAmax()
                && !config.hasStaticBlocks()
                && config.pinnedAmax().isEmpty();
    }

    /// What is searched as one matrix.
    private record Group(Format format, List<Site> sites, float amax) {}

    /// Returns the scales that take the place of measured ones.
    ///
    /// @param measured the scale of each weight that is no zeros, and others
    Map<Site, SiteScale> searched(
            List<ModuleInfo> modules,
            Function<Site, Optional<QuantizerConfig>> quantizers,
            Map<Site, SiteScale> measured) {
        Map<Site, SiteScale> found = new LinkedHashMap<>();
        if (rescaling.isPresent()) {
            rescaled(measured, found);
        }
        if (search.isEmpty()) {
            return found;
        }
        List<Group> groups = groups(modules, quantizers, measured);
        List<Float> amaxes = Tasks.all(
                threads,
                groups.stream()
                        .<Callable<Float>>map(group -> () -> searched(search.get(), group))
                        .toList());
        for (int i = 0; i < groups.size(); i++) {
            for (Site site : groups.get(i).sites()) {
                found.put(
                        site,
                        SiteScale.searched(site, amaxes.get(i), groups.get(i).amax()));
            }
        }
        return found;
    }

    /// Weights times factors have another amax than the stored ones, which were measured.
    private void rescaled(Map<Site, SiteScale> measured, Map<Site, SiteScale> found) {
        List<SiteScale> changed = plan.modules().stream()
                .filter(module -> plan.scalesInput(module.name()))
                .flatMap(module -> Stream.ofNullable(measured.get(new Site(module.name(), Role.WEIGHT))))
                .filter(scale -> scale.origin() == ScaleOrigin.MEASURED)
                .toList();
        List<Float> amaxes = Tasks.all(
                threads,
                changed.stream()
                        .<Callable<Float>>map(scale -> () -> {
                            float[] columns = columns(scale.site().module());
                            return Kernels.fastest().absMax(columns, 0, columns.length);
                        })
                        .toList());
        for (int i = 0; i < changed.size(); i++) {
            found.put(changed.get(i).site(), SiteScale.measured(changed.get(i).site(), amaxes.get(i)));
        }
    }

    private List<Group> groups(
            List<ModuleInfo> modules,
            Function<Site, Optional<QuantizerConfig>> quantizers,
            Map<Site, SiteScale> measured) {
        List<Group> groups = new ArrayList<>();
        Set<Site> done = new HashSet<>();
        Map<String, List<String>> stacks = new HashMap<>(); // by tensor
        modules.forEach(module -> module.stacked()
                .ifPresent(place -> stacks.computeIfAbsent(place.stack().tensor(), absent -> new ArrayList<>())
                        .add(module.name())));
        for (ModuleInfo module : modules) {
            Site own = new Site(module.name(), Role.WEIGHT);
            Optional<Format> format = searchedFormat(own, quantizers);
            if (format.isEmpty()
                    || plan.keepsWeight(module.name())
                    || !linears.containsKey(module.name())
                    || done.contains(own)) {
                continue;
            }
            List<String> names = module.stacked().isPresent()
                    ? stacks.getOrDefault(module.stacked().get().stack().tensor(), List.of())
                    : module.isExpert() ? module.joined() : List.of(module.name());
            List<Site> sites = names.stream()
                    .map(name -> new Site(name, Role.WEIGHT))
                    .filter(site -> measured.containsKey(site)
                            && searchedFormat(site, quantizers).equals(format))
                    .toList();
            done.addAll(sites);
            if (!sites.isEmpty()) {
                float amax = sites.stream()
                        .map(measured::get)
                        .filter(Objects::nonNull)
                        .map(SiteScale::amax)
                        .reduce(0f, Math::max);
                groups.add(new Group(format.get(), sites, amax));
            }
        }
        return groups;
    }

    private static Optional<Format> searchedFormat(Site site, Function<Site, Optional<QuantizerConfig>> quantizers) {
        return quantizers.apply(site).filter(WeightSearch::isSearched).flatMap(QuantizerConfig::format);
    }

    /// Returns the amax of inputs that are multiplied by factors which were solved, by module.
    Map<String, Float> rescaledInputs(Statistics statistics) {
        return rescaling.map(factors -> factors.amaxes(plan, statistics)).orElseGet(Map::of);
    }

    /// Returns what inputs are multiplied by, by module; nothing if the algorithm moves no range into weights.
    Map<String, ChannelFactors> factors(Statistics statistics) {
        Optional<Smoothing> smoothing = Smoothing.of(plan);
        if (smoothing.isEmpty()) {
            return rescaling.map(Rescaling::inputs).orElseGet(Map::of);
        }
        List<Smoothing.Smoothed> smoothed = smoothing.get().smoothed(statistics).stream()
                .filter(module -> linears.containsKey(module.module().name()))
                .toList();
        List<float[]> found = Tasks.all(
                threads,
                smoothed.stream()
                        .<Callable<float[]>>map(module -> () -> smoothing
                                .get()
                                .factors(
                                        module.amax().values(),
                                        columns(module.module().name())))
                        .toList());
        Map<String, float[]> own = new HashMap<>();
        for (int i = 0; i < found.size(); i++) {
            own.put(smoothed.get(i).module().name(), found.get(i));
        }
        return smoothing.get().shared(own);
    }

    /// Returns the amax of each column of a weight.
    private float[] columns(String module) {
        StoredWeight weight = Objects.requireNonNull(linears.get(module)).open(weights);
        float[] amax = new float[weight.columns()];
        int step = Math.max(1, PIECE / weight.columns());
        float[] values = new float[Math.multiplyExact(Math.min(step, weight.rows()), weight.columns())];
        for (int top = 0; top < weight.rows(); top += step) {
            int rows = Math.min(step, weight.rows() - top);
            Kernels.fastest().decode(weight, top, top + rows, values, 0);
            Kernels.fastest().absMaxColumns(values, 0, rows, weight.columns(), amax, 0);
        }
        return amax;
    }

    private float searched(TensorSearch tried, Group group) {
        List<StoredWeight> matrices = group.sites().stream()
                .map(site -> linears.get(site.module()))
                .filter(Objects::nonNull)
                .map(linear -> linear.open(weights))
                .toList();
        return tried.amax(group.format(), matrices, group.amax());
    }
}
