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

    /// One of the columns.
    ///
    /// @param perSite whether it has an element for each site
    record Column(String name, DType dtype, boolean perSite) {}

    /// Returns the column of the bytes of each site's distribution.
    Column lengths() {
        return column("_bytes", DType.I64, true);
    }

    private Column exponents() {
        return column("_exponent", DType.I32, true);
    }

    private Column counts() {
        return switch (kind) {
            case MAGNITUDES, BLOCKS -> column("_counts", DType.U8, false);
            case CHANNELS -> column("", DType.F32, false);
        };
    }

    private Column column(String part, DType dtype, boolean perSite) {
        return new Column(kind.columns() + part + MeasurementColumn.suffix(population), dtype, perSite);
    }

    /// Returns the columns.
    List<Column> all() {
        return switch (kind) {
            case MAGNITUDES -> List.of(lengths(), exponents(), counts());
            case BLOCKS, CHANNELS -> List.of(lengths(), counts());
        };
    }

    /// Returns the bytes of the columns, empty if no site has the distribution.
    Map<Column, byte[]> written(Statistics statistics) {
        List<Optional<Measurement>> measured = statistics.sites().values().stream()
                .map(found -> found.over(population))
                .toList();
        List<Optional<byte[]>> sites =
                measured.stream().map(found -> found.flatMap(this::bytes)).toList();
        if (sites.stream().allMatch(Optional::isEmpty)) {
            return Map.of();
        }
        Map<Column, byte[]> columns = new LinkedHashMap<>();
        byte[] lengths = new byte[Math.multiplyExact(Long.BYTES, sites.size())];
        ByteBuffer lengthBuffer = littleEndian(lengths);
        sites.forEach(
                site -> lengthBuffer.putLong(site.map(bytes -> bytes.length).orElse(-1)));
        columns.put(lengths(), lengths);
        if (kind == Distribution.MAGNITUDES) {
            byte[] exponents = new byte[Math.multiplyExact(Integer.BYTES, sites.size())];
            ByteBuffer exponentBuffer = littleEndian(exponents);
            measured.forEach(found -> exponentBuffer.putInt(found.flatMap(Measurement::magnitudes)
                    .map(Histogram::exponent)
                    .orElse(0)));
            columns.put(exponents(), exponents);
        }
        long size = sites.stream()
                .flatMap(Optional::stream)
                .mapToLong(bytes -> bytes.length)
                .sum();
        byte[] counts = new byte[Math.toIntExact(size)];
        ByteBuffer countBuffer = littleEndian(counts);
        sites.forEach(site -> site.ifPresent(countBuffer::put));
        columns.put(counts(), counts);
        return columns;
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
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
    /// @param bytes by the column; of the right types, the lengths and exponents one for each site
    /// @throws IllegalArgumentException if lengths and counts do not fit
    Stored stored(Function<Column, ByteBuffer> bytes) {
        List<Long> lengths = new ArrayList<>();
        List<Long> starts = new ArrayList<>();
        long at = 0;
        ByteBuffer written = bytes.apply(lengths()).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer counts = bytes.apply(counts());
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
            ByteBuffer values = bytes.apply(exponents()).order(ByteOrder.LITTLE_ENDIAN);
            while (values.hasRemaining()) {
                exponents.add(values.getInt());
            }
        }
        return new Stored(lengths, exponents, starts, counts);
    }

    private Optional<byte[]> bytes(Measurement found) {
        return switch (kind) {
            case MAGNITUDES -> found.magnitudes().map(Histogram::counts).map(Counts::packed);
            case BLOCKS -> found.blocks().map(BlockHistogram::counts).map(Counts::packed);
            case CHANNELS -> found.channels().map(ChannelAmax::values).map(DistributionColumns::bytes);
        };
    }
}
