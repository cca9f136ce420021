package io.github.steelyard.passes;

import io.github.steelyard.calibration.Tasks;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.OverlaidWeights;
import io.github.steelyard.run.RunState;
import io.github.steelyard.run.SolvedFile;
import io.github.steelyard.run.SolvedTensors;
import io.github.steelyard.run.SolvedWeights;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.solve.Desk;
import io.github.steelyard.solve.Desks;
import io.github.steelyard.solve.InputMoments;
import io.github.steelyard.solve.MomentsTap;
import io.github.steelyard.solve.Solver;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// Solves the modules of one layer after the other and writes what was solved.
final class Solving implements AutoCloseable {

    /// What lies outside the layers.
    private static final int OUTSIDE = -1;

    /// How many times above what was measured a magnitude may be: quantised inputs are not those that were measured.
    private static final float ROOM = 4;

    private final Weights weights;
    private final Solver solver;
    private final Statistics statistics;
    private final Path directory;
    private final int threads;
    private final Desks desks;
    private final Map<String, Linear> linears = new LinkedHashMap<>(); // those that are solved, by module
    private final Map<Integer, List<ModuleInfo>> modules = new HashMap<>(); // those, by layer
    private final Set<String> solved = ConcurrentHashMap.newKeySet();
    private final LongAdder leftOut = new LongAdder();
    private @Nullable SolvedFile file;
    private @Nullable SolvedTensors last; // what was solved in the layer that ended last

    /// @param threads groups of modules that are solved at a time
    Solving(
            Decoder decoder,
            Weights weights,
            Solver solver,
            Statistics statistics,
            Path directory,
            int threads,
            Desks desks) {
        this.weights = weights;
        this.solver = solver;
        this.statistics = statistics;
        this.directory = directory;
        this.threads = threads;
        this.desks = desks;
        for (Linear linear : decoder.linears()) {
            if (solver.observed(linear.info()).isPresent()) {
                linears.put(linear.info().name(), linear);
                modules.computeIfAbsent(linear.info().layer(), absent -> new ArrayList<>())
                        .add(linear.info());
            }
        }
    }

    /// Returns what is to be summed at a site.
    Optional<MomentsTap.Wanted> wanted(Site site) {
        Linear linear = linears.get(site.module());
        if (site.role() != Role.INPUT || linear == null) {
            return Optional.empty();
        }
        Optional<SiteStatistics> found = statistics.at(site);
        return solver.observed(linear.info())
                .map(observed -> new MomentsTap.Wanted(
                        observed,
                        ROOM * found.map(SiteStatistics::amax).orElse(0f),
                        found.map(SiteStatistics::tokens).orElse(0L)));
    }

    /// Returns the weights with those over them that were solved in the layer that ended last.
    Weights solvedWeights() {
        return OverlaidWeights.of(weights, module -> {
            Linear linear = linears.get(module);
            return last == null || linear == null ? Optional.empty() : SolvedWeights.weight(linear.info(), last);
        });
    }

    /// Returns the listener that solves what it hears of, and has a state keep it.
    MomentsTap.Listener keptIn(RunState store) {
        return new MomentsTap.Listener() {
            @Override
            public void layerBegins(int layer) {
                begin(layer);
            }

            @Override
            public void complete(List<Site> sites, InputMoments moments) {
                desks.use(desk -> solve(sites, Optional.of(moments), desk));
            }

            @Override
            public void layerEnds(int layer, Map<List<Site>, InputMoments> moments) {
                if (end(layer, moments)) {
                    store.keepResults(layer, leftOut.sumThenReset());
                    closeLast();
                    last = SolvedTensors.ofFile(directory.resolve(SolvedFile.name(layer)));
                }
            }
        };
    }

    /// Solves what lies outside the layers, and returns the file of it, if there is anything.
    Optional<Path> head(Map<List<Site>, InputMoments> moments) {
        begin(OUTSIDE);
        return end(OUTSIDE, moments) ? Optional.of(directory.resolve(SolvedFile.name(OUTSIDE))) : Optional.empty();
    }

    /// Returns how many rows of inputs were no numbers, or too large to be summed, of those that no state keeps yet.
    long leftOut() {
        return leftOut.sum();
    }

    private void begin(int layer) {
        List<ModuleInfo> inLayer = modules.getOrDefault(layer, List.of());
        if (!inLayer.isEmpty()) {
            file = new SolvedFile(directory.resolve(SolvedFile.name(layer)), inLayer, solver);
        }
    }

    /// Solves what is left of a layer: what is no expert, and experts without tokens.
    ///
    /// @return whether there was anything in this layer
    private boolean end(int layer, Map<List<Site>, InputMoments> moments) {
        if (file == null) {
            return false;
        }
        List<Runnable> left = new ArrayList<>();
        moments.forEach((sites, sums) -> left.add(() -> desks.use(desk -> solve(sites, Optional.of(sums), desk))));
        Set<String> seen = ConcurrentHashMap.newKeySet();
        moments.keySet().forEach(sites -> sites.forEach(site -> seen.add(site.module())));
        for (ModuleInfo module : modules.getOrDefault(layer, List.of())) {
            if (!solved.contains(module.name()) && !seen.contains(module.name())) {
                List<Site> alone = List.of(new Site(module.name(), Role.INPUT));
                left.add(() -> desks.use(desk -> solve(alone, Optional.empty(), desk)));
            }
        }
        Tasks.run(threads, left);
        file.finish();
        file = null;
        solved.clear();
        return true;
    }

    private void solve(List<Site> sites, Optional<InputMoments> moments, Desk desk) {
        moments.ifPresent(sums -> leftOut.add(sums.leftOut()));
        Solver.@Nullable Prepared prepared = null;
        for (Site site : sites) {
            Linear linear = Objects.requireNonNull(linears.get(site.module()));
            if (prepared == null) {
                prepared = solver.prepare(linear.info(), moments, desk);
            }
            StoredWeight weight = linear.open(weights);
            Objects.requireNonNull(file).write(linear.info(), prepared.solve(linear.info(), weight, desk));
            solved.add(site.module());
        }
    }

    private void closeLast() {
        if (last != null) {
            last.close();
            last = null;
        }
    }

    @Override
    public void close() {
        closeLast();
        if (file != null) {
            file.close();
        }
    }
}
