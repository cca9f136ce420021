package io.github.steelyard.calibration;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.search.BlockRule;
import io.github.steelyard.search.Multipliers;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.solve.AwqLite;
import io.github.steelyard.solve.Gptq;
import io.github.steelyard.solve.LocalHessian;
import io.github.steelyard.solve.Solver;
import io.github.steelyard.solve.StaticBlocks;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/// What a plan's algorithm solves by weights and inputs together.
public final class Solvers {

    private static final ScaleTable NO_SCALES = new ScaleTable(new TreeMap<>());

    private Solvers() {}

    /// Returns the modules that are solved for a plan, each with its weight as it is written.
    ///
    /// @param scales the amax of each weight
    public static Function<ModuleInfo, Optional<StaticBlocks>> blocks(Plan plan, ScaleTable scales) {
        return module -> hasSolvedBlocks(plan, module) ? Optional.of(blocks(plan, scales, module)) : Optional.empty();
    }

    private static StaticBlocks blocks(Plan plan, ScaleTable scales, ModuleInfo module) {
        Site site = new Site(module.name(), Role.WEIGHT);
        boolean fourOverSix =
                plan.config(site).filter(QuantizerConfig::isFourOverSix).isPresent();
        return new StaticBlocks(
                scales.at(site).map(SiteScale::amax).orElse(0f), fourOverSix ? StaticScales.FOUR_OVER_SIX : E4m3.MAX);
    }

    /// Returns what a run of a plan needs memory for.
    ///
    /// @param plan empty where nothing is said of an algorithm
    public static MemoryPlan.Purpose memory(Optional<Plan> plan) {
        return plan.filter(Solvers::isWanted)
                .map(solved -> of(solved, NO_SCALES)
                        .flatMap(solver -> solved.modules().stream()
                                .flatMap(module -> solver.observed(module).stream())
                                .findFirst())
                        .filter(observed -> observed.block() <= LocalHessian.BLOCK)
                        .isPresent())
                .map(inBlocks -> inBlocks ? MemoryPlan.Purpose.SOLVING_BLOCKS : MemoryPlan.Purpose.SOLVING_MATRICES)
                .orElse(MemoryPlan.Purpose.CALIBRATION);
    }

    /// Returns whether layers are to be solved on what the quantised layers before them give.
    public static boolean propagates(Plan plan) {
        Algorithm algorithm = plan.recipe().algorithms().getFirst();
        return algorithm.layerwise().enable() && algorithm.layerwise().quantisedInputs();
    }

    /// Returns the names of the modules that a plan solves and no token has reached: they are solved by their weight
    /// alone.
    public static List<String> unseen(Plan plan, Statistics statistics) {
        return plan.modules().stream()
                .filter(module -> isSolved(plan, module))
                .map(ModuleInfo::name)
                .filter(name -> statistics
                                .at(new Site(name, Role.INPUT))
                                .map(SiteStatistics::tokens)
                                .orElse(0L)
                        == 0)
                .toList();
    }

    /// Returns whether a plan's algorithm solves anything.
    public static boolean isWanted(Plan plan) {
        return plan.modules().stream().anyMatch(module -> isSolved(plan, module));
    }

    /// Returns whether something is solved for a module, which is not shipped as it is stored: factors of its input, or
    /// its weight, where that has static blocks.
    public static boolean isSolved(Plan plan, ModuleInfo module) {
        return plan.scalesInput(module.name()) || hasSolvedBlocks(plan, module);
    }

    private static boolean hasSolvedBlocks(Plan plan, ModuleInfo module) {
        return solvesBlocks(plan.recipe().algorithms().getFirst().method())
                && plan.config(new Site(module.name(), Role.WEIGHT))
                        .filter(config -> config.format().equals(Optional.of(Format.NVFP4)))
                        .filter(QuantizerConfig::hasStaticBlocks)
                        .isPresent()
                && !plan.keepsWeight(module.name());
    }

    /// Returns whether inputs are quantised in the pass that solves: not where their factors are solved, which change
    /// what is quantised.
    public static boolean quantisesInputs(Plan plan) {
        return !(plan.recipe().algorithms().getFirst().method() instanceof Algorithm.AwqLite);
    }

    /// Returns what solves the weights of a plan, empty if its algorithm does not.
    public static Optional<Solver> of(Plan plan, ScaleTable scales) {
        return isWanted(plan)
                ? solver(plan.recipe().algorithms().getFirst().method(), blocks(plan, scales), encoders(plan))
                : Optional.empty();
    }

    /// Returns what encodes the weights that are tried with factors: as they will be, but before they are rounded to
    /// FP8
    /// once more.
    private static AwqLite.Encoders encoders(Plan plan) {
        return (module, amax) -> {
            if (!plan.scalesInput(module.name())) {
                return Optional.empty();
            }
            Site site = new Site(module.name(), Role.WEIGHT);
            TreeMap<Site, SiteScale> scale = new TreeMap<>();
            if (amax > 0) {
                scale.put(site, SiteScale.measured(site, amax));
            }
            WeightEncoder encoder = new PlannedWeights(plan, new ScaleTable(scale)).encoder(module.name());
            return Optional.of(
                    encoder.format() == Format.INT4_FP8
                            ? new WeightEncoder(Format.INT4, encoder.block(), encoder.arithmetic(), 1, Optional.empty())
                            : encoder);
        };
    }

    private static boolean solvesBlocks(Algorithm.Method method) {
        return solver(method, module -> Optional.empty(), (module, amax) -> Optional.empty())
                .filter(solver -> !(solver instanceof AwqLite))
                .isPresent();
    }

    private static Optional<Solver> solver(
            Algorithm.Method method, Function<ModuleInfo, Optional<StaticBlocks>> blocks, AwqLite.Encoders encoders) {
        return switch (method) {
            case Algorithm.LocalHessian hessian -> Optional.of(new LocalHessian(rule(hessian.search()), blocks));
            case Algorithm.Lsq lsq -> solver(lsq.scaleAlgorithm(), blocks, encoders);
            case Algorithm.None none -> Optional.empty();
            case Algorithm.Max max -> Optional.empty();
            case Algorithm.Mse mse -> Optional.empty();
            case Algorithm.ActHeadroom headroom -> solver(headroom.weights(), blocks, encoders);
            case Algorithm.SmoothQuant smooth -> Optional.empty();
            case Algorithm.AwqLite lite -> Optional.of(new AwqLite(lite.alphaStep(), encoders));
            case Algorithm.NotRun refused -> Optional.empty();
            case Algorithm.Gptq gptq -> Optional.of(new Gptq(gptq.dampening(), gptq.blockSize(), blocks));
        };
    }

    private static BlockRule rule(Algorithm.Search search) {
        return search.fp8Sweep()
                ? new BlockRule.Sweep()
                : new BlockRule.Grid(Multipliers.spaced(search.start(), search.stop(), search.step()));
    }
}
