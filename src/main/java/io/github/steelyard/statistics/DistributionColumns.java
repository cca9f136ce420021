package io.github.steelyard.statistics;

import io.github.steelyard.site.Population;
import io.github.steelyard.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/// The columns of one distribution over one population in `statistics.safetensors`: the bytes of each site, -1 where it
/// was not observed, in I64; for a [Histogram] its exponent in I32; the packed counts of all sites, one after the
/// other.
///
/// @param kind the distribution
/// @param population over which tokens
record DistributionColumns(Distribution kind, Population population) {

    /// In the order of writing.
    static final List<DistributionColumns> ALL = Stream.of(Population.values())
            .flatMap(population ->
                    Stream.of(Distribution.values()).map(kind -> new DistributionColumns(kind, population)))
            .toList();

    private static final String LENGTHS = "_bytes";
    private static final String EXPONENTS = "_exponent";
    private static final String COUNTS = "_counts";

    /// Returns the columns as named bytes, empty if no site has the distribution.
    Map<String, byte[]> written(Statistics statistics) {
        List<Optional<byte[]>> sites = statistics.sites().values().stream()
                .map(found -> measurement(found).flatMap(this::bytes))
                .toList();
        if (sites.stream().allMatch(Optional::isEmpty)) {
            return Map.of();
        }
        byte[] lengthBytes = new byte[Long.BYTES * sites.size()];
        byte[] exponentBytes = new byte[Integer.BYTES * sites.size()];
        ByteBuffer lengths = ByteBuffer.wrap(lengthBytes).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer exponents = ByteBuffer.wrap(exponentBytes).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> packed = new ArrayList<>();
        for (Optional<byte[]> site : sites) {
            byte[] counts = site.orElse(new byte[0]);
            lengths.putLong(site.isPresent() ? counts.length : -1);
            packed.add(counts);
        }
        statistics
                .sites()
                .values()
                .forEach(found -> exponents.putInt(measurement(found)
                        .flatMap(Measurement::magnitudes)
                        .map(Histogram::exponent)
                        .orElse(0)));
        ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(
                packed.stream().mapToLong(counts -> counts.length).sum()));
        packed.forEach(all::put);
        Map<String, byte[]> columns = new LinkedHashMap<>();
        columns.put(name(LENGTHS), lengthBytes);
        if (kind == Distribution.MAGNITUDES) {
            columns.put(name(EXPONENTS), exponentBytes);
        }
        columns.put(names().getLast(), all.array());
        return columns;
    }

    /// Returns the names of the columns.
    List<String> names() {
        return switch (kind) {
            case MAGNITUDES -> List.of(name(LENGTHS), name(EXPONENTS), name(COUNTS));
            case BLOCKS -> List.of(name(LENGTHS), name(COUNTS));
            case CHANNELS -> List.of(name(LENGTHS), name(""));
        };
    }

    /// Returns the element type of one of the columns.
    static DType dtype(String name) {
        return name.contains(LENGTHS)
                ? DType.I64
                : name.contains(EXPONENTS) ? DType.I32 : name.contains(COUNTS) ? DType.U8 : DType.F32;
    }

    /// Returns whether one of the columns has an element for each site.
    static boolean isPerSite(String name) {
        return name.contains(LENGTHS) || name.contains(EXPONENTS);
    }

    /// What the columns hold, site by site.
    ///
    /// @param lengths of the sites' counts, -1 where there are none
    /// @param exponents of the sites; empty for blocks
    /// @param starts where each site's counts begin
    /// @param counts of all sites
    record Stored(List<Long> lengths, List<Integer> exponents, List<Long> starts, ByteBuffer counts) {

        /// Returns the measurement with the distribution of site `index`.
        ///
        /// @throws IllegalArgumentException if it is none that is written
        Measurement addedTo(Measurement measured, DistributionColumns columns, int index) {
            int length = Math.toIntExact(lengths.get(index));
            if (length < 0) {
                return measured;
            }
            byte[] packed = new byte[length];
            counts.get(Math.toIntExact(starts.get(index)), packed);
            return new Measurement(
                    measured.amax(),
                    measured.tokens(),
                    measured.nonFinite(),
                    measured.variant(),
                    columns.kind == Distribution.MAGNITUDES
                            ? Optional.of(new Histogram(exponents.get(index), Counts.parse(packed, Histogram.BINS)))
                            : measured.magnitudes(),
                    columns.kind == Distribution.BLOCKS
                            ? Optional.of(new BlockHistogram(Counts.parse(packed, BlockHistogram.BINS)))
                            : measured.blocks(),
                    columns.kind == Distribution.CHANNELS
                            ? Optional.of(new ChannelAmax(floats(packed)))
                            : measured.channels());
        }
    }

    private static float[] floats(byte[] bytes) {
        if (bytes.length % Float.BYTES != 0) {
            throw new IllegalArgumentException("lengths that are no whole numbers");
        }
        float[] floats = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    private static byte[] bytes(float[] floats) {
        byte[] bytes = new byte[floats.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(floats);
        return bytes;
    }

    /// Reads what [#written] gave.
    ///
    /// @param bytes by the name of the column; of the right types, the lengths and exponents one for each site
    /// @throws IllegalArgumentException if lengths and counts do not fit
    Stored stored(Function<String, ByteBuffer> bytes) {
        List<Long> lengths = new ArrayList<>();
        List<Long> starts = new ArrayList<>();
        long at = 0;
        ByteBuffer written = bytes.apply(name(LENGTHS)).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer counts = bytes.apply(names().getLast());
        while (written.hasRemaining()) {
            long length = written.getLong();
            if (length < -1 || length > counts.capacity() - at) {
                throw new IllegalArgumentException("lengths that do not fit the counts");
            }
            lengths.add(length);
            starts.add(at);
            at += Math.max(0, length);
        }
        if (at != counts.capacity()) {
            throw new IllegalArgumentException("counts of no site");
        }
        List<Integer> exponents = new ArrayList<>();
        if (kind == Distribution.MAGNITUDES) {
            ByteBuffer values = bytes.apply(name(EXPONENTS)).order(ByteOrder.LITTLE_ENDIAN);
            while (values.hasRemaining()) {
                exponents.add(values.getInt());
            }
        }
        return new Stored(lengths, exponents, starts, counts);
    }

    private Optional<Measurement> measurement(SiteStatistics found) {
        return switch (population) {
            case ROUTED -> Optional.of(found.routed());
            case ALL -> found.all();
        };
    }

    private Optional<byte[]> bytes(Measurement found) {
        return switch (kind) {
            case MAGNITUDES -> found.magnitudes().map(Histogram::counts).map(Counts::packed);
            case BLOCKS -> found.blocks().map(BlockHistogram::counts).map(Counts::packed);
            case CHANNELS -> found.channels().map(ChannelAmax::values).map(DistributionColumns::bytes);
        };
    }

    private String name(String part) {
        return kind.columns()
                + part
                + switch (population) {
                    case ROUTED -> "";
                    case ALL -> "_all";
                };
    }
}
