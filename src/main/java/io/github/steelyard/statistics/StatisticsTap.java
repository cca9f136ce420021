package io.github.steelyard.statistics;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;

/// The tap that measures: amax, tokens and non-finite values at every site, and distributions where they are wanted.
///
/// Maxima and sums do not depend on order, so neither do the statistics, whatever the number of threads and however the
/// rows are cut. Rows that several sites share are read once.
public final class StatisticsTap implements Tap {

    private final Kernels kernels;
    private final ObjIntConsumer<Statistics> layers;
    private final Map<Site, Set<Distribution>> wanted;
    private final Variants variants;
    private final Map<Site, Cell> routed = new ConcurrentHashMap<>();
    private final Map<Site, Cell> all = new ConcurrentHashMap<>();

    /// @param kernels the arithmetic of maxima
    /// @param layers takes the statistics of a layer, with its index, once the layer has ended
    /// @param wanted what is observed at sites beside their amax; of outputs those that are observed at all
    /// @param variants the copies of the text that pass; each site remembers which of them showed its amax
    public StatisticsTap(
            Kernels kernels,
            ObjIntConsumer<Statistics> layers,
            Map<Site, Set<Distribution>> wanted,
            Variants variants) {
        this.kernels = kernels;
        this.layers = layers;
        this.wanted = Map.copyOf(wanted);
        this.variants = variants;
    }

    /// A tap that sees one copy of the text.
    public StatisticsTap(Kernels kernels, ObjIntConsumer<Statistics> layers, Map<Site, Set<Distribution>> wanted) {
        this(kernels, layers, wanted, Variants.ONE);
    }

    /// A tap that takes no distributions.
    public StatisticsTap(Kernels kernels, ObjIntConsumer<Statistics> layers) {
        this(kernels, layers, Map.of());
    }

    /// Outputs are looked at where some are wanted.
    @Override
    public boolean watches(Role role) {
        return role != Role.OUTPUT || wanted.keySet().stream().anyMatch(site -> site.role() == Role.OUTPUT);
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
        Measurement found = Measurement.NONE;
        for (int row = 0; row < rows; ) {
            int end = variants.endOfRun(source, row, rows);
            int at = offset + row * columns;
            found = found.merge(measure(values, at, end - row, (end - row) * columns, variants.of(source, row)));
            row = end;
        }
        Map<Site, Cell> cells = switch (source.population()) {
            case ROUTED -> routed;
            case ALL -> all;
        };
        int exponent = Histogram.exponent(found.amax());
        int @Nullable [] magnitudes = null; // made once for the sites that share these rows
        int @Nullable [] blocks = null;
        float @Nullable [] channels = null;
        for (Site site : sites) {
            Cell cell = cells.computeIfAbsent(site, absent -> new Cell());
            cell.add(found);
            Set<Distribution> kinds = wanted.getOrDefault(site, Set.of());
            if (kinds.contains(Distribution.MAGNITUDES)) {
                if (magnitudes == null) {
                    magnitudes = new int[Histogram.BINS];
                    Histogram.count(values, offset, rows * columns, exponent, magnitudes);
                }
                cell.addMagnitudes(exponent, magnitudes);
            }
            if (kinds.contains(Distribution.BLOCKS)) {
                if (blocks == null) {
                    blocks = new int[BlockHistogram.BINS];
                    BlockHistogram.count(values, offset, rows, columns, blocks);
                }
                cell.addBlocks(blocks);
            }
            if (kinds.contains(Distribution.CHANNELS)) {
                if (channels == null) {
                    channels = new float[columns];
                    ChannelAmax.raise(kernels, values, offset, rows, columns, found.nonFinite() == 0, channels);
                }
                cell.addChannels(channels);
            }
        }
    }

    /// Returns what was measured since the last layer ended, and keeps nothing of it. No call of [#rows] may be under
    /// way.
    public Statistics take() {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        routed.forEach((site, cell) -> sites.put(site, new SiteStatistics(cell.measurement(), Optional.empty())));
        all.forEach((site, cell) -> sites.merge(
                site, new SiteStatistics(Measurement.NONE, Optional.of(cell.measurement())), SiteStatistics::merge));
        routed.clear();
        all.clear();
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
