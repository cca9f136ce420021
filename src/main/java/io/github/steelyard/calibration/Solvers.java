package io.github.steelyard.calibration;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
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
        return module -> isSolved(plan, module) ? Optional.of(blocks(plan, scales, module)) : Optional.empty();
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
                .map(solved -> solver(solved.recipe().algorithms().getFirst().method(), blocks(solved, NO_SCALES))
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

    /// Returns whether the weight of a module is solved: what has static blocks, unless it is shipped as it is stored.
    public static boolean isSolved(Plan plan, ModuleInfo module) {
        return solves(plan.recipe().algorithms().getFirst().method())
                && plan.config(new Site(module.name(), Role.WEIGHT))
                        .filter(config -> config.format().equals(Optional.of(Format.NVFP4)))
                        .filter(QuantizerConfig::hasStaticBlocks)
                        .isPresent()
                && !plan.keepsWeight(module.name());
    }

    /// Returns what solves the weights of a plan, empty if its algorithm does not.
    public static Optional<Solver> of(Plan plan, ScaleTable scales) {
        return isWanted(plan)
                ? solver(plan.recipe().algorithms().getFirst().method(), blocks(plan, scales))
                : Optional.empty();
    }

    private static boolean solves(Algorithm.Method method) {
        return solver(method, module -> Optional.empty()).isPresent();
    }

    private static Optional<Solver> solver(
            Algorithm.Method method, Function<ModuleInfo, Optional<StaticBlocks>> blocks) {
        return switch (method) {
            case Algorithm.LocalHessian hessian -> Optional.of(new LocalHessian(rule(hessian.search()), blocks));
            case Algorithm.Lsq lsq -> solver(lsq.scaleAlgorithm(), blocks);
            case Algorithm.None none -> Optional.empty();
            case Algorithm.Max max -> Optional.empty();
            case Algorithm.Mse mse -> Optional.empty();
            case Algorithm.ActHeadroom headroom -> solver(headroom.weights(), blocks);
            case Algorithm.SmoothQuant smooth -> Optional.empty();
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
