package io.github.steelyard.statistics;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.site.Population;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.MeasurementColumn.Kind;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// `statistics.safetensors`: the statistics of a run, as columns over the sites in the order of their names.
///
/// | tensor | type and shape | what |
/// |---|---|---|
/// | `sites` | U8 [bytes] | the sites' names in UTF-8, each but the first after a newline |
/// | `amax` | F32 [sites] | over routed tokens |
/// | `tokens` | I64 [sites] | routed tokens |
/// | `non_finite` | I64 [sites] | NaN and infinite values in routed tokens |
/// | `amax_all` | F32 [sites] | over all tokens; NaN where not measured |
/// | `tokens_all` | I64 [sites] | all tokens; 0 where not measured |
/// | `non_finite_all` | I64 [sites] | NaN and infinite values in all tokens; 0 where not measured |
///
/// Version 2 has columns besides: distributions, where a recipe asks for them ([DistributionColumns]); where experts
/// were
/// shown tokens to reach a number of them, these ([TopUpColumns]); and where an adapter showed an amax, `variant` and
/// `variant_all`, I32 [sites]: 0 for the model as it is, 1 for the first adapter, …
///
/// Equal statistics give equal bytes: nothing of the time, the machine or the threads is in the file.
public final class StatisticsFile {

    private static final Map<String, String> PLAIN = metadata("1");
    private static final Map<String, String> WITH_MORE = metadata("2");
    private static final long MAX_NAME_BYTES = 1L << 30;
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final SafetensorsFile file;
    private final Map<MeasurementColumn, MemorySegment> columns = new HashMap<>();
    private final Map<DistributionColumns, DistributionColumns.Stored> distributions = new LinkedHashMap<>();
    private final List<TopUp> topUps = new ArrayList<>(); // of each site; empty where there are none
    private final int count; // sites

    private StatisticsFile(Path path, SafetensorsFile file) {
        this.path = path;
        this.file = file;
        this.count = checkHeader();
    }

    /// Reads statistics.
    ///
    /// @throws StatisticsException if the file is not what [#write] writes
    public static Statistics read(Path path) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            return new StatisticsFile(path, file).statistics();
        } catch (CheckpointException e) {
            throw new StatisticsException(path, e.problem(), e);
        }
    }

    /// Returns the SHA-256 of a file of statistics in hexadecimal digits.
    ///
    /// @throws StatisticsException if it cannot be read
    public static String digest(Path path) {
        try {
            return Digests.ofFile(path);
        } catch (CheckpointException e) {
            throw new StatisticsException(path, e.problem(), e);
        }
    }

    /// Writes statistics, whole or not at all.
    public static void write(Statistics statistics, Path path) {
        Map<Planned, MemorySegment> tensors = new LinkedHashMap<>();
        for (MeasurementColumn column : MeasurementColumn.ALL) {
            add(tensors, column.tensor(), column.dtype(), column.bytes(statistics));
        }
        boolean plain = statistics.sites().values().stream().noneMatch(SiteStatistics::namesVariant);
        if (!plain) {
            for (MeasurementColumn column : MeasurementColumn.VARIANTS) {
                add(tensors, column.tensor(), column.dtype(), column.bytes(statistics));
            }
        }
        for (DistributionColumns columns : DistributionColumns.ALL) {
            for (Map.Entry<DistributionColumns.Column, byte[]> column :
                    columns.written(statistics).entrySet()) {
                plain = false;
                add(tensors, column.getKey().name(), column.getKey().dtype(), column.getValue());
            }
        }
        if (TopUpColumns.has(statistics)) {
            plain = false;
            for (TopUpColumns column : TopUpColumns.values()) {
                add(tensors, column.tensor(), column.dtype(), column.bytes(statistics));
            }
        }
        byte[] names = statistics.sites().keySet().stream()
                .map(Site::name)
                .collect(Collectors.joining("\n"))
                .getBytes(StandardCharsets.UTF_8);
        add(tensors, "sites", DType.U8, names);
        List<Planned> plan = tensors.keySet().stream()
                .sorted(Comparator.comparingInt(planned -> -planned.dtype().bits())) // so that all are aligned
                .toList();
        SafetensorsWriter.write(
                path,
                plan,
                plain ? PLAIN : WITH_MORE,
                plan.stream().map(tensors::get).toList());
    }

    private static void add(Map<Planned, MemorySegment> tensors, String name, DType dtype, byte[] bytes) {
        Shape shape = Shape.of((long) bytes.length * Byte.SIZE / dtype.bits());
        tensors.put(new Planned(name, dtype, shape), MemorySegment.ofArray(bytes));
    }

    private static Map<String, String> metadata(String version) {
        return Map.of("format", "steelyard-statistics", "version", version);
    }

    private int checkHeader() {
        boolean plain = PLAIN.equals(file.metadata());
        if (!plain && !WITH_MORE.equals(file.metadata())) {
            throw unsuitable("expected metadata %s, found %s".formatted(PLAIN, file.metadata()));
        }
        TensorInfo amax = tensor("amax");
        long sites = amax.shape().rank() == 1 ? amax.shape().dim(0) : -1;
        if (sites < 0 || sites > MAX_NAME_BYTES) {
            throw unsuitable("tensor 'amax': expected one value per site, found %s".formatted(amax.shape()));
        }
        for (MeasurementColumn column : MeasurementColumn.ALL) {
            require(tensor(column.tensor()), column.dtype(), sites);
        }
        TensorInfo names = tensor("sites");
        require(names, DType.U8, Math.min(names.byteSize(), MAX_NAME_BYTES));
        int expected = MeasurementColumn.ALL.size() + 1 + (plain ? 0 : openMore(sites));
        if (file.tensors().size() != expected) {
            throw unsuitable(String.format(
                    Locale.ROOT,
                    "expected %d tensors, found %s",
                    expected,
                    Printable.of(file.tensors().keySet().toString())));
        }
        return (int) sites;
    }

    /// Returns how many columns there are here that version 1 has not.
    private int openMore(long sites) {
        int found = 0;
        if (hasVariants()) {
            for (MeasurementColumn column : MeasurementColumn.VARIANTS) {
                require(tensor(column.tensor()), column.dtype(), sites);
            }
            found = MeasurementColumn.VARIANTS.size();
        }
        for (DistributionColumns columns : DistributionColumns.ALL) {
            if (!file.tensors().containsKey(columns.lengths().name())) {
                continue;
            }
            for (DistributionColumns.Column column : columns.all()) {
                TensorInfo tensor = tensor(column.name());
                long values = Math.min(tensor.byteSize(), Integer.MAX_VALUE)
                        * Byte.SIZE
                        / column.dtype().bits();
                require(tensor, column.dtype(), column.perSite() ? sites : values);
            }
            try {
                distributions.put(
                        columns,
                        columns.stored(column -> file.bytes(column.name()).asByteBuffer()));
            } catch (IllegalArgumentException e) {
                throw unsuitable("tensor '%s': %s".formatted(columns.lengths().name(), e.getMessage()));
            }
            found += columns.all().size();
        }
        if (TopUpColumns.has(file)) {
            topUps.addAll(TopUpColumns.read(file, (int) sites));
            found += TopUpColumns.values().length;
        }
        if (found == 0) {
            throw unsuitable("version 2 without a distribution, a variant or tokens that were only shown");
        }
        return found;
    }

    private boolean hasVariants() {
        return file.tensors().containsKey(MeasurementColumn.VARIANTS.getFirst().tensor());
    }

    private Statistics statistics() {
        List<Site> sites = sites();
        TreeMap<Site, SiteStatistics> read = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            Site site = sites.get(i);
            if (!read.isEmpty() && read.lastKey().compareTo(site) >= 0) {
                throw unsuitable("sites are not in order at %s".formatted(Printable.quoted(site.name())));
            }
            read.put(site, siteStatistics(site, i, topUps.isEmpty() ? TopUp.NONE : topUps.get(i)));
        }
        return new Statistics(read);
    }

    private SiteStatistics siteStatistics(Site site, int index, TopUp topUp) {
        Measurement routed = measurement(site, index, Population.ROUTED);
        if (!Float.isNaN(floatAt(Kind.AMAX, Population.ALL, index))) {
            return new SiteStatistics(routed, Optional.of(measurement(site, index, Population.ALL)), topUp);
        }
        if (longAt(Kind.TOKENS, Population.ALL, index) != 0 || longAt(Kind.NON_FINITE, Population.ALL, index) != 0) {
            throw unsuitable("site %s has tokens of a population without an amax".formatted(quoted(site)));
        }
        return new SiteStatistics(routed, Optional.empty(), topUp);
    }

    private Measurement measurement(Site site, int index, Population population) {
        float amax = floatAt(Kind.AMAX, population, index);
        long tokens = longAt(Kind.TOKENS, population, index);
        long nonFinite = longAt(Kind.NON_FINITE, population, index);
        int variant = hasVariants() ? bytes(Kind.VARIANT, population).get(I32, 4L * index) : 0;
        if (!Float.isFinite(amax) || amax < 0 || tokens < 0 || nonFinite < 0 || variant < 0) {
            throw unsuitable(String.format(
                    Locale.ROOT,
                    "site %s: expected finite values of at least 0, found amax %s, tokens %d, non-finite %d",
                    quoted(site),
                    amax,
                    tokens,
                    nonFinite));
        }
        Measurement measured = new Measurement(amax, tokens, nonFinite, variant);
        try {
            for (Map.Entry<DistributionColumns, DistributionColumns.Stored> stored : distributions.entrySet()) {
                if (stored.getKey().population() == population) {
                    measured = stored.getValue().addedTo(measured, stored.getKey(), index);
                }
            }
        } catch (IllegalArgumentException e) {
            throw unsuitable("site %s: %s".formatted(quoted(site), e.getMessage()));
        }
        return measured;
    }

    private List<Site> sites() {
        if (count == 0) {
            return List.of();
        }
        String text = text();
        List<Site> sites = new ArrayList<>();
        for (String name : text.split("\n", -1)) {
            sites.add(site(name));
        }
        if (sites.size() != count) {
            throw unsuitable(String.format(Locale.ROOT, "expected %d site names, found %d", count, sites.size()));
        }
        return sites;
    }

    private String text() {
        ByteBuffer bytes = file.bytes("sites").asByteBuffer();
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new StatisticsException(path, "tensor 'sites' is not UTF-8", e);
        }
    }

    private Site site(String name) {
        return Site.named(name).orElseThrow(() -> unsuitable("%s names no site".formatted(Printable.quoted(name))));
    }

    private float floatAt(Kind kind, Population population, int index) {
        return bytes(kind, population).get(F32, 4L * index);
    }

    private long longAt(Kind kind, Population population, int index) {
        return bytes(kind, population).get(I64, 8L * index);
    }

    private MemorySegment bytes(Kind kind, Population population) {
        return columns.computeIfAbsent(new MeasurementColumn(kind, population), column -> file.bytes(column.tensor()));
    }

    private TensorInfo tensor(String name) {
        TensorInfo tensor = file.tensors().get(name);
        if (tensor == null) {
            throw unsuitable("tensor '%s' is missing".formatted(name));
        }
        return tensor;
    }

    private void require(TensorInfo tensor, DType dtype, long elements) {
        if (tensor.dtype() != dtype || !tensor.shape().equals(Shape.of(elements))) {
            throw unsuitable(String.format(
                    Locale.ROOT,
                    "tensor '%s': expected %s [%d], found %s",
                    tensor.name(),
                    dtype,
                    elements,
                    tensor.typeText()));
        }
    }

    private StatisticsException unsuitable(String problem) {
        return new StatisticsException(path, problem);
    }

    private static String quoted(Site site) {
        return Printable.quoted(site.name());
    }
}
