package io.github.steelyard.statistics;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Population;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// The tap that measures: amax, tokens and non-finite values at every site, and distributions where they are wanted.
///
/// Maxima and sums do not depend on order, so neither do the statistics, whatever the number of threads and however the
/// rows are cut. Rows that several sites share are read once.
public final class StatisticsTap implements Tap {

    private static final int COPY_BITS = 40; // more than any text has tokens

    private final Kernels kernels;
    private final ObjIntConsumer<Statistics> layers;
    private final Map<Site, Set<Distribution>> wanted;
    private final boolean outputs; // whether any is wanted
    private final Variants variants;
    private final Map<Site, Cell> routed = new ConcurrentHashMap<>();
    private final Map<Site, Cell> all = new ConcurrentHashMap<>();
    private final Map<Site, Queue<TopUp.Token>> topUps = new ConcurrentHashMap<>();
    private final long firstToken;
    private final boolean weights;

    /// @param kernels the arithmetic of maxima
    /// @param layers takes the statistics of a layer, with its index, once the layer has ended
    /// @param wanted what is observed at sites beside their amax; of outputs those that are observed at all
    /// @param variants the copies of the text that pass; each site remembers which of them showed its amax
    /// @param firstToken where the tokens of the pass begin in the calibration text
    /// @param weights whether weights are measured too: once for all passes of a run
    public StatisticsTap(
            Kernels kernels,
            ObjIntConsumer<Statistics> layers,
            Map<Site, Set<Distribution>> wanted,
            Variants variants,
            long firstToken,
            boolean weights) {
        this.kernels = kernels;
        this.layers = layers;
        this.wanted = Map.copyOf(wanted);
        this.outputs = wanted.keySet().stream().anyMatch(site -> site.role() == Role.OUTPUT);
        this.variants = variants;
        this.firstToken = firstToken;
        this.weights = weights;
    }

    /// A tap of a whole text, in several copies.
    public StatisticsTap(
            Kernels kernels,
            ObjIntConsumer<Statistics> layers,
            Map<Site, Set<Distribution>> wanted,
            Variants variants) {
        this(kernels, layers, wanted, variants, 0, true);
    }

    /// A tap of a whole text.
    public StatisticsTap(Kernels kernels, ObjIntConsumer<Statistics> layers, Map<Site, Set<Distribution>> wanted) {
        this(kernels, layers, wanted, Variants.ONE);
    }

    /// A tap of a whole text that takes no distributions.
    public StatisticsTap(Kernels kernels, ObjIntConsumer<Statistics> layers) {
        this(kernels, layers, Map.of());
    }

    /// Outputs are looked at where some are wanted.
    @Override
    public boolean watches(Role role) {
        return switch (role) {
            case WEIGHT -> weights;
            case OUTPUT -> outputs;
            case INPUT, KEY, VALUE, LATENT, ROTATED_KEY -> true;
        };
    }

    @Override
    public void layerEnds(int layer) {
        layers.accept(take(), layer);
    }

    @Override
    public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
        if (sites.getFirst().role() == Role.OUTPUT && !wanted.containsKey(sites.getFirst())) {
            return;
        }
        if (source instanceof RowSource.Nearest nearest) {
            for (int row = 0; row < rows; row++) {
                int copy = variants.of(nearest, row);
                topUp(sites, nearest, row, copy, measure(values, offset + row * columns, 1, columns, copy));
            }
            return;
        }
        Measurement found = Measurement.NONE;
        for (int row = 0; row < rows; ) {
            int end = variants.endOfRun(source, row, rows);
            int at = offset + row * columns;
            found = found.merge(measure(values, at, end - row, (end - row) * columns, variants.of(source, row)));
            row = end;
        }
        int exponent = Histogram.exponent(found.amax());
        int @Nullable [] magnitudes = null; // made once for the sites that share these rows
        int @Nullable [] blocks = null;
        float @Nullable [] channels = null;
        for (Site site : sites) {
            Set<Distribution> kinds = wanted.getOrDefault(site, Set.of());
            if (kinds.contains(Distribution.MAGNITUDES) && magnitudes == null) {
                magnitudes = new int[Histogram.BINS];
                Histogram.count(values, offset, rows * columns, exponent, magnitudes);
            }
            if (kinds.contains(Distribution.BLOCKS) && blocks == null) {
                blocks = new int[BlockHistogram.BINS];
                BlockHistogram.count(values, offset, rows, columns, blocks);
            }
            if (kinds.contains(Distribution.CHANNELS) && channels == null) {
                channels = new float[columns];
                ChannelAmax.raise(kernels, values, offset, rows, columns, found.nonFinite() == 0, channels);
            }
            for (Population population : populations(site, source)) {
                Cell cell = cells(population).computeIfAbsent(site, absent -> new Cell());
                cell.add(found);
                if (magnitudes != null && kinds.contains(Distribution.MAGNITUDES)) {
                    cell.addMagnitudes(exponent, magnitudes);
                }
                if (blocks != null && kinds.contains(Distribution.BLOCKS)) {
                    cell.addBlocks(blocks);
                }
                if (channels != null && kinds.contains(Distribution.CHANNELS)) {
                    cell.addChannels(channels);
                }
            }
        }
    }

    /// Returns the populations that rows count in. Of outputs those of all tokens are not computed.
    private static Set<Population> populations(Site site, RowSource source) {
        return site.role() == Role.OUTPUT ? Set.of(Population.ROUTED) : source.populations();
    }

    private Map<Site, Cell> cells(Population population) {
        return switch (population) {
            case ROUTED -> routed;
            case ALL -> all;
        };
    }

    private void topUp(List<Site> sites, RowSource.Nearest source, int row, int copy, Measurement found) {
        int at = source.first() + row;
        long place = firstToken + source.tokens()[at] % variants.rows() + ((long) copy << COPY_BITS);
        TopUp.Token token = new TopUp.Token(source.scores()[at], place, found.amax(), found.nonFinite());
        for (Site site : sites) {
            topUps.computeIfAbsent(site, absent -> new ConcurrentLinkedQueue<>())
                    .add(token);
        }
    }

    /// Returns what was measured since the last layer ended, and keeps nothing of it. No call of [#rows] may be under
    /// way.
    public Statistics take() {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        routed.forEach((site, cell) -> sites.put(site, new SiteStatistics(cell.measurement(), Optional.empty())));
        all.forEach((site, cell) -> sites.merge(
                site, new SiteStatistics(Measurement.NONE, Optional.of(cell.measurement())), SiteStatistics::merge));
        topUps.forEach((site, tokens) -> sites.merge(
                site,
                new SiteStatistics(Measurement.NONE, Optional.empty(), new TopUp(List.copyOf(tokens))),
                SiteStatistics::merge));
        routed.clear();
        all.clear();
        topUps.clear();
        return new Statistics(sites);
    }

    private Measurement measure(float[] values, int offset, int rows, int length, int variant) {
        float amax = kernels.absMax(values, offset, length);
        return Float.isFinite(amax)
                ? new Measurement(amax, rows, 0, variant)
                : new Measurement(
                        kernels.absMaxFinite(values, offset, length),
                        rows,
                        kernels.countNonFinite(values, offset, length),
                        variant);
    }

    /// The running measurement of one site in one population.
    private static final class Cell {

        /// Bits of the amax, those of non-negative floats being ordered like the floats, and below them the complement
        /// of the variant: of equal ones the first counts more.
        private final AtomicLong amax = new AtomicLong(Integer.toUnsignedLong(~0));

        private final LongAdder tokens = new LongAdder();
        private final LongAdder nonFinite = new LongAdder();
        private Histogram.@Nullable Counter magnitudes;
        private long @Nullable [] blocks;
        private float @Nullable [] channels;

        void add(Measurement found) {
            long bits = (long) Float.floatToRawIntBits(found.amax()) << Integer.SIZE
                    | Integer.toUnsignedLong(~found.variant());
            if (bits > amax.getPlain()) {
                amax.accumulateAndGet(bits, Math::max);
            }
            tokens.add(found.tokens());
            if (found.nonFinite() > 0) {
                nonFinite.add(found.nonFinite());
            }
        }

        synchronized void addMagnitudes(int exponent, int[] counts) {
            if (magnitudes == null) {
                magnitudes = new Histogram.Counter();
            }
            magnitudes.add(exponent, counts);
        }

        synchronized void addBlocks(int[] counts) {
            if (blocks == null) {
                blocks = new long[BlockHistogram.BINS];
            }
            for (int i = 0; i < counts.length; i++) {
                blocks[i] += counts[i];
            }
        }

        synchronized void addChannels(float[] amax) {
            if (channels == null) {
                channels = new float[amax.length];
            }
            for (int i = 0; i < amax.length; i++) {
                channels[i] = Math.max(channels[i], amax[i]);
            }
        }

        synchronized Measurement measurement() {
            long bits = amax.get();
            return new Measurement(
                    Float.intBitsToFloat((int) (bits >>> Integer.SIZE)),
                    tokens.sum(),
                    nonFinite.sum(),
                    ~(int) bits,
                    Optional.ofNullable(magnitudes).map(Histogram.Counter::histogram),
                    Optional.ofNullable(blocks).map(Counts::of).map(BlockHistogram::new),
                    Optional.ofNullable(channels).map(ChannelAmax::new));
        }
    }
}
