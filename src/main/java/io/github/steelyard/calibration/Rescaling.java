package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.RescaledWeights;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.run.SolvedTensors;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.solve.AwqLite;
import io.github.steelyard.statistics.ChannelAmax;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// What the factors that AWQ solved for input channels become in a model.
///
/// All experts of a layer share the mean of theirs for each projection, then modules that share an input the mean of
/// theirs; an expert that saw no token has that of the others. Weights are divided by them. Where an export can say so,
/// inputs are not multiplied at run time: the weight of the norm before is, if nothing else reads what it gives, or
/// the rows of the layer before, in those families for which MODELOPT does. Source: MODELOPT, its export.
///
/// @param own the factors as they were solved for each module, by which the amax of its input is made
/// @param inputs what inputs are multiplied by when the model runs
/// @param weights what weights and norms are multiplied by
public record Rescaling(
        Map<String, ChannelFactors> own, Map<String, ChannelFactors> inputs, RescaledWeights.Factors weights) {

    /// Families whose layers MODELOPT rescales in place of the inputs of the next.
    private static final Set<String> REACHING_BACK = Set.of("llama", "qwen3", "qwen3_moe");

    public Rescaling {
        own = Map.copyOf(own);
        inputs = Map.copyOf(inputs);
    }

    /// Returns what a run's factors become; empty if the plan's algorithm has none.
    ///
    /// @param solved what the run solved, for every module whose input the plan scales
    public static Optional<Rescaling> of(Plan plan, Decoder decoder, SolvedTensors solved) {
        List<ModuleInfo> modules = plan.modules().stream()
                .filter(module -> plan.scalesInput(module.name()))
                .toList();
        if (modules.isEmpty() || solved.isEmpty()) {
            return Optional.empty();
        }
        Map<String, float[]> own = new HashMap<>();
        for (ModuleInfo module : modules) {
            solved.floats(module.name(), AwqLite.FACTORS, module.columns())
                    .filter(factors -> factors.length > 0 && factors[0] > 0)
                    .ifPresent(factors -> own.put(module.name(), factors));
        }
        Map<String, float[]> shared = shared(modules, own);
        return Optional.of(folded(plan, decoder, factors(own), shared));
    }

    private static Map<String, ChannelFactors> factors(Map<String, float[]> values) {
        Map<String, ChannelFactors> factors = new HashMap<>();
        values.forEach((module, found) -> factors.put(module, new ChannelFactors(found)));
        return factors;
    }

    private static Map<String, float[]> shared(List<ModuleInfo> modules, Map<String, float[]> own) {
        Map<Projection, List<float[]>> experts = new HashMap<>();
        for (ModuleInfo module : modules) {
            if (module.isExpert() && own.containsKey(module.name())) {
                experts.computeIfAbsent(Projection.of(module), absent -> new ArrayList<>())
                        .add(own.get(module.name()));
            }
        }
        Map<Projection, float[]> layers = new HashMap<>();
        experts.forEach((projection, all) -> layers.put(projection, ChannelFactors.mean(all)));
        Map<String, float[]> one = new HashMap<>();
        for (ModuleInfo module : modules) {
            float[] found = module.isExpert() ? layers.get(Projection.of(module)) : own.get(module.name());
            one.put(module.name(), found == null ? ones(module.columns()) : found);
        }
        Map<String, float[]> shared = new HashMap<>();
        for (ModuleInfo module : modules) {
            List<float[]> group = module.inputGroup().stream()
                    .map(one::get)
                    .filter(Objects::nonNull)
                    .toList();
            shared.put(
                    module.name(),
                    group.size() > 1 ? ChannelFactors.mean(group) : Objects.requireNonNull(one.get(module.name())));
        }
        return shared;
    }

    private static float[] ones(int columns) {
        float[] ones = new float[columns];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static Rescaling folded(
            Plan plan, Decoder decoder, Map<String, ChannelFactors> own, Map<String, float[]> shared) {
        Map<String, float[]> columns = new HashMap<>();
        shared.forEach((module, factors) ->
                columns.put(module, new ChannelFactors(factors).inverse().values()));
        Map<String, float[]> inputs = new HashMap<>(shared);
        Map<String, float[]> rows = new HashMap<>();
        Map<String, float[]> norms = new HashMap<>();
        if (plan.recipe().export().format() == ExportOptions.Format.MODELOPT) {
            for (Decoder.Layer layer : decoder.layers()) {
                for (Decoder.Block block : layer.blocks()) {
                    passage(plan, decoder, block.body()).ifPresent(passage -> {
                        String second = passage.second().info().name();
                        rows.put(passage.first().info().name(), Objects.requireNonNull(inputs.remove(second)));
                    });
                    List<String> readers = block.body().normReaders().stream()
                            .map(linear -> linear.info().name())
                            .toList();
                    if (readers.size() > 1 && shared.keySet().containsAll(readers)) {
                        norms.put(block.norm().tensor(), Objects.requireNonNull(shared.get(readers.getFirst())));
                        inputs.keySet().removeAll(readers);
                    }
                }
            }
        }
        return new Rescaling(own, factors(inputs), new RescaledWeights.Factors(columns, rows, norms));
    }

    /// The cache of values would not be what was measured, so with a measured scale it stays.
    private static Optional<Body.Passage> passage(Plan plan, Decoder decoder, Body body) {
        boolean measuredCache = body.modules().stream()
                .map(module -> new Site(module.name(), Role.VALUE))
                .anyMatch(plan.measuredSites()::contains);
        return body.passage()
                .filter(passage -> REACHING_BACK.contains(decoder.family()) && !measuredCache)
                .filter(passage -> isScaledNvfp4(plan, passage.first()) && isScaledNvfp4(plan, passage.second()))
                .filter(passage -> passage.first().bias().isEmpty());
    }

    private static boolean isScaledNvfp4(Plan plan, Linear linear) {
        String module = linear.info().name();
        return plan.scalesInput(module) && plan.scheme(module).weight().equals(Optional.of(Format.NVFP4));
    }

    /// Returns the weights with their factors.
    public Weights over(Weights below, Decoder decoder) {
        return new RescaledWeights(below, decoder, weights);
    }

    /// Returns the amax that the input of each module has after the factors that were solved for it, of an expert by
    /// the channels of all tokens of its layer: what MODELOPT writes, also where its export has put the mean of several
    /// in place of these factors.
    Map<String, Float> amaxes(Plan plan, Statistics statistics) {
        Map<Projection, ChannelAmax> layers = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            if (module.isExpert()) {
                channels(statistics, module)
                        .ifPresent(found -> layers.merge(Projection.of(module), found, ChannelAmax::merge));
            }
        }
        Map<String, Float> amaxes = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            ChannelFactors factors = own.getOrDefault(module.name(), inputs.get(module.name()));
            Optional<ChannelAmax> seen = module.isExpert()
                    ? Optional.ofNullable(layers.get(Projection.of(module)))
                    : channels(statistics, module);
            if (factors != null && plan.scalesInput(module.name())) {
                seen.ifPresent(found -> amaxes.put(module.name(), factors.largest(found.values())));
            }
        }
        return amaxes;
    }

    private static Optional<ChannelAmax> channels(Statistics statistics, ModuleInfo module) {
        return statistics
                .at(new Site(module.name(), Role.INPUT))
                .map(SiteStatistics::routed)
                .flatMap(Measurement::channels);
    }
}
