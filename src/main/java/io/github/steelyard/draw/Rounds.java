package io.github.steelyard.draw;

import io.github.steelyard.model.Sequences;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.recipe.Drawing.Convergence;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Coverage;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The rounds in which a calibration draws its sequences. Statistics of rounds merge exactly, so the result depends on
/// which sequences were drawn, and not on the cut; the cut decides when it is asked whether there is enough.
public final class Rounds {

    private final Drawing drawing;
    private final Sequences sequences;
    private final List<ModuleInfo> modules;
    private final Stopwatch watch;
    private final int most; // sequences that may be drawn
    private final List<Draws.Round> curve = new ArrayList<>();
    private final List<Site> sites; // of inputs and caches
    private final List<float[]> amax = new ArrayList<>(); // after each round, of each site, routed and of all tokens
    private Statistics merged;

    /// @param sequences the calibration set
    /// @param modules the modules of the model
    /// @param watch how long the run has worked
    /// @throws IllegalArgumentException if the first sequence exceeds the budget of tokens
    public Rounds(Drawing drawing, Sequences sequences, List<ModuleInfo> modules, Stopwatch watch) {
        this.drawing = drawing;
        this.sequences = sequences;
        this.modules = modules;
        this.watch = watch;
        this.most = most(drawing, sequences);
        this.merged = Statistics.unseen(modules);
        this.sites = merged.sites().keySet().stream()
                .filter(site -> site.role() != Role.WEIGHT)
                .toList();
    }

    /// Returns how many sequences may be drawn.
    ///
    /// @throws IllegalArgumentException if not even one
    public static int most(Drawing drawing, Sequences sequences) {
        if (drawing.mostTokens().isEmpty()) {
            return sequences.count();
        }
        long budget = drawing.mostTokens().getAsLong();
        int count = 0;
        while (count < sequences.count() && sequences.start(count) + sequences.length(count) <= budget) {
            count++;
        }
        if (count == 0) {
            throw new IllegalArgumentException(
                    "calibration.budget.tokens: %s tokens are fewer than the first sequence's %s"
                            .formatted(budget, sequences.length(0)));
        }
        return count;
    }

    /// Returns how many sequences have been drawn.
    public int drawn() {
        return curve.isEmpty() ? 0 : curve.getLast().sequences();
    }

    /// Returns how many will have been drawn after the next round.
    public int next() {
        return drawing.inRounds() ? (int) Math.min(most, (long) drawn() + drawing.roundSequences()) : most;
    }

    /// Returns for each expert, by the name of its module, how many tokens it wants beyond those that it was sent.
    public Map<String, Integer> lacking() {
        Map<String, Integer> lacking = new HashMap<>();
        drawing.targetTokens()
                .ifPresent(target -> Coverage.of(merged, modules, target)
                        .experts()
                        .forEach(expert -> lacking.put(expert.module(), (int) Math.max(0, target - expert.routed()))));
        return lacking;
    }

    /// Adds the statistics of a round.
    ///
    /// @param end sequences drawn with it
    public void add(int end, Statistics round) {
        merged = Statistics.merged(List.of(merged, round));
        if (drawing.targetTokens().isPresent()) {
            merged = merged.toppedUpTo(drawing.targetTokens().getAsInt());
        }
        long tokens = end == sequences.count() ? sequences.tokens() : sequences.start(end);
        curve.add(new Draws.Round(end, tokens, starved(), growth(end, amax())));
        amax.add(amax());
    }

    private int starved() {
        return (int) lacking().values().stream().filter(tokens -> tokens > 0).count();
    }

    /// Returns why no further round is to be begun, empty if one is.
    public Optional<Draws.Stop> stop() {
        if (curve.isEmpty()) {
            return Optional.empty();
        }
        if (drawing.inRounds() && curve.getLast().starved() == 0 && hasConverged()) {
            return Optional.of(Draws.Stop.REACHED);
        }
        if (drawn() == most) {
            return Optional.of(most < sequences.count() ? Draws.Stop.TOKENS : Draws.Stop.DATA);
        }
        boolean late = drawing.mostMinutes().isPresent()
                && watch.seconds() >= 60 * drawing.mostMinutes().getAsDouble();
        return late ? Optional.of(Draws.Stop.TIME) : Optional.empty();
    }

    private boolean hasConverged() {
        return drawing.convergence().isEmpty()
                || curve.getLast()
                        .growth()
                        .filter(growth -> growth.grown() == 0)
                        .isPresent();
    }

    /// Returns what was measured in all rounds.
    public Statistics statistics() {
        return merged;
    }

    /// Returns the curve, empty where all was drawn at once.
    ///
    /// @param stop why it ends
    public Optional<Draws> draws(Draws.Stop stop) {
        return drawing.inRounds()
                ? Optional.of(new Draws(stop, curve, Draws.toppedUp(merged, modules)))
                : Optional.empty();
    }

    private float[] amax() {
        float[] now = new float[2 * sites.size()];
        for (int i = 0; i < sites.size(); i++) {
            SiteStatistics found = merged.at(sites.get(i)).orElseThrow();
            now[2 * i] = found.routed().amax();
            now[2 * i + 1] = found.all().map(Measurement::amax).orElse(0f);
        }
        return now;
    }

    private Optional<Draws.Growth> growth(int end, float[] now) {
        int reference = curve.size() - 1;
        while (reference >= 0 && !isReference(curve.get(reference).sequences(), end)) {
            reference--;
        }
        return reference < 0
                ? Optional.empty()
                : Optional.of(growth(curve.get(reference).sequences(), amax.get(reference), now));
    }

    private boolean isReference(int sequences, int end) {
        return drawing.convergence()
                .map(settled -> end - sequences >= settled.share() * end)
                .orElse(true);
    }

    private Draws.Growth growth(int since, float[] before, float[] now) {
        double factor = drawing.convergence().map(Convergence::growth).orElse(1.0);
        int grown = 0;
        int first = 0;
        double largest = 1;
        Optional<Site> fastest = Optional.empty();
        for (int i = 0; i < now.length; i++) {
            if (now[i] == before[i]) {
                continue;
            }
            double growth = (double) now[i] / before[i]; // infinite from zero
            grown += growth > factor ? 1 : 0;
            first += before[i] == 0 ? 1 : 0;
            if (before[i] > 0 && growth > largest) {
                largest = growth;
                fastest = Optional.of(sites.get(i / 2));
            }
        }
        return new Draws.Growth(since, grown, first, largest, fastest);
    }
}
