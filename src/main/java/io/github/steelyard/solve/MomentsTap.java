package io.github.steelyard.solve;

import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/// The tap that sums the moments of inputs. Those of an expert are complete once it has been shown all its tokens;
/// who has shown the last ones hands them on at once, and nothing of them stays. All others are complete when the layer
/// ends.
///
/// The moments have the same bits for any number of threads: rows come cut alike ([Tap#sums]), and [InputMoments] adds
/// integers.
public final class MomentsTap implements Tap {

    private final Tap quantizing;
    private final Optional<Tap> again;
    private final Function<Site, Optional<Wanted>> wanted;
    private final Listener listener;
    private final Desks desks;
    private final SequenceShares shares;
    private final Map<List<Site>, Cell> cells = new ConcurrentHashMap<>();
    private volatile boolean repeating;

    /// What is to be summed at a site.
    ///
    /// @param observed what
    /// @param bound the largest magnitude that is to be expected
    /// @param tokens how many tokens there will be
    public record Wanted(Observed observed, float bound, long tokens) {}

    /// Takes moments that are complete.
    public interface Listener {

        /// Hears that a layer begins; no worker is at work.
        void layerBegins(int layer);

        /// Takes the moments of an expert's input; several workers call at once.
        ///
        /// @param sites the sites that share the input
        void complete(List<Site> sites, InputMoments moments);

        /// Takes the moments of all other inputs of a layer; no worker is at work.
        ///
        /// @param moments by the sites that share the input, in the order of the first one's name
        void layerEnds(int layer, Map<List<Site>, InputMoments> moments);
    }

    private record Cell(InputMoments moments, AtomicLong rows) {}

    /// @param quantizing what else is done with rows; may alter them
    /// @param again what is done with rows when a layer is run once more, with what was solved in it; empty to give
    /// later
    ///     layers what the unsolved one gave
    /// @param wanted what is to be summed at a site, if anything
    /// @param shares where sequences begin in the corpus
    public MomentsTap(
            Tap quantizing,
            Optional<Tap> again,
            Function<Site, Optional<Wanted>> wanted,
            Listener listener,
            Desks desks,
            SequenceShares shares) {
        this.quantizing = quantizing;
        this.again = again;
        this.wanted = wanted;
        this.listener = listener;
        this.desks = desks;
        this.shares = shares;
    }

    @Override
    public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
        if (repeating) {
            again.orElseThrow().rows(sites, source, values, offset, rows, columns);
            return;
        }
        Map<Wanted, List<Site>> summed = new LinkedHashMap<>();
        if (isCounted(source)) {
            for (Site site : sites) {
                wanted.apply(site)
                        .ifPresent(found -> summed.computeIfAbsent(found, absent -> new ArrayList<>())
                                .add(site));
            }
        }
        sum(summed, false, source, values, offset, rows, columns);
        quantizing.rows(sites, source, values, offset, rows, columns);
        sum(summed, true, source, values, offset, rows, columns);
    }

    private static boolean isCounted(RowSource source) {
        return switch (source) {
            case RowSource.Sequence sequence -> true;
            case RowSource.Routed routed -> true;
            case RowSource.Weight weight -> false;
            case RowSource.Others others -> false;
            case RowSource.Every every -> false;
            case RowSource.Nearest nearest -> false;
        };
    }

    private void sum(
            Map<Wanted, List<Site>> summed,
            boolean quantised,
            RowSource source,
            float[] values,
            int offset,
            int rows,
            int columns) {
        summed.forEach((what, sites) -> {
            if (what.observed.quantised() == quantised) {
                Cell cell = cells.computeIfAbsent(
                        List.copyOf(sites),
                        absent -> new Cell(
                                new InputMoments(columns, what.observed.block(), what.bound, what.tokens),
                                new AtomicLong()));
                desks.use(desk -> {
                    if (what.observed.evenly()) {
                        cell.moments.add(values, offset, rows, shares.of(source, rows), desk);
                    } else {
                        cell.moments.add(values, offset, rows, desk);
                    }
                });
                if (source instanceof RowSource.Routed routed && cell.rows.addAndGet(rows) == routed.total()) {
                    cells.remove(List.copyOf(sites));
                    listener.complete(List.copyOf(sites), cell.moments);
                }
            }
        });
    }

    @Override
    public void layerBegins(int layer) {
        quantizing.layerBegins(layer);
        listener.layerBegins(layer);
    }

    @Override
    public void layerEnds(int layer) {
        quantizing.layerEnds(layer);
        listener.layerEnds(layer, take());
    }

    @Override
    public boolean repeats(int layer) {
        repeating = again.isPresent();
        return repeating;
    }

    @Override
    public void layerRepeated(int layer) {
        repeating = false;
    }

    /// Returns the moments that are left, such as those of the head, by the sites that share the input, and keeps
    /// nothing of them. No call of [#rows] may be under way.
    public Map<List<Site>, InputMoments> take() {
        Map<List<Site>, InputMoments> left = new LinkedHashMap<>();
        cells.entrySet().stream()
                .sorted(Comparator.comparing(cell -> cell.getKey().getFirst()))
                .forEach(cell -> left.put(cell.getKey(), cell.getValue().moments));
        cells.clear();
        return left;
    }

    @Override
    public boolean watches(Role role) {
        return repeating
                ? again.orElseThrow().watches(role)
                : role != Role.WEIGHT && (role == Role.INPUT || quantizing.watches(role));
    }

    @Override
    public boolean alters() {
        return (repeating ? again.orElseThrow() : quantizing).alters();
    }

    @Override
    public boolean sums() {
        return true;
    }

    @Override
    public List<List<Site>> partition(List<Site> sites) {
        return (repeating ? again.orElseThrow() : quantizing).partition(sites);
    }
}
