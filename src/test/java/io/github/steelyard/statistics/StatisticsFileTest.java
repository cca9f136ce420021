package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StatisticsFileTest {

    private static final Site INPUT = new Site("layers.0.experts.10.down_proj", Role.INPUT);
    private static final Site UNSEEN = new Site("layers.0.experts.2.down_proj", Role.INPUT);
    private static final Site KEY = new Site("layers.0.self_attn", Role.KEY);
    private static final Statistics STATISTICS = Statistics.of(Map.of(
            KEY,
            SiteStatistics.of(4.5f, 1024, 0),
            INPUT,
            new SiteStatistics(new Measurement(51.04f, 77, 1), Optional.of(new Measurement(60, 1024, 2))),
            UNSEEN,
            new SiteStatistics(Measurement.NONE, Optional.empty())));

    private static final Measurement DISTRIBUTED = new Measurement(
            5,
            9,
            0,
            1,
            Optional.of(new Histogram(3, Counts.of(longs(Histogram.BINS, 2600, 70)))),
            Optional.of(new BlockHistogram(Counts.of(longs(BlockHistogram.BINS, 300, 1L << 40)))),
            Optional.of(new ChannelAmax(new float[] {0, 5, 1e-30f})));

    @TempDir
    private Path temp;

    @Test
    void read_written_isEqual() {
        Path file = temp.resolve("statistics.safetensors");

        StatisticsFile.write(STATISTICS, file);

        assertThat(StatisticsFile.read(file)).isEqualTo(STATISTICS);
    }

    @Test
    void read_variants_areEqual() {
        Path file = temp.resolve("statistics.safetensors");
        Statistics statistics = Statistics.of(Map.of(
                KEY,
                SiteStatistics.of(4.5f, 1024, 0),
                INPUT,
                new SiteStatistics(new Measurement(51.04f, 77, 1, 2), Optional.of(new Measurement(60, 1024, 2, 1)))));

        StatisticsFile.write(statistics, file);

        assertThat(StatisticsFile.read(file)).isEqualTo(statistics);
    }

    // A run in which no adapter showed an amax has the columns of a run without adapters.
    @Test
    void write_firstVariantAlone_hasNoColumnOfVariants() {
        Path file = temp.resolve("statistics.safetensors");

        StatisticsFile.write(STATISTICS, file);

        try (SafetensorsFile written = SafetensorsFile.open(file)) {
            assertThat(written.metadata()).containsEntry("version", "1");
            assertThat(written.tensors()).doesNotContainKeys("variant", "variant_all");
        }
    }

    @Test
    void read_distributions_areEqual_andOfAnotherVersion() {
        Statistics statistics = Statistics.of(Map.of(
                INPUT,
                new SiteStatistics(DISTRIBUTED, Optional.of(new Measurement(60, 1024, 2))),
                KEY,
                new SiteStatistics(new Measurement(1, 5, 0), Optional.of(DISTRIBUTED)),
                UNSEEN,
                new SiteStatistics(Measurement.NONE, Optional.empty())));
        Path path = temp.resolve("statistics.safetensors");

        StatisticsFile.write(statistics, path);

        assertThat(StatisticsFile.read(path)).isEqualTo(statistics);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).containsEntry("version", "2");
            assertThat(file.tensors().keySet())
                    .contains("histogram_bytes", "histogram_exponent", "histogram_counts", "block_histogram_bytes")
                    .contains(
                            "block_histogram_counts",
                            "histogram_bytes_all",
                            "block_histogram_counts_all",
                            "channel_amax_bytes",
                            "channel_amax");
            ByteBuffer lengths = file.bytes("histogram_bytes").asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            assertThat(List.of(lengths.getLong(0), lengths.getLong(8), lengths.getLong(16)))
                    .containsExactly(2601L, -1L, -1L);
        }
    }

    // Bins are either counted as they are written or the file is another's.
    @Test
    void read_impossibleDistributions_areRefused() {
        refused("site 'a.input_quantizer': no histogram has the exponent 3 and 2 bins", 2, 3, 1, 1);
        refused("site 'a.input_quantizer': counts that are not written so", 2, -125, 1, 0);
        refused(
                "site 'a.input_quantizer': counts of more bins, or larger ones, than there can be",
                10,
                -125,
                -1,
                -1,
                -1,
                -1,
                -1,
                -1,
                -1,
                -1,
                -1,
                -1);
        refused("tensor 'histogram_bytes': lengths that do not fit the counts", 3, -125, 1, 1);
        refused("tensor 'histogram_bytes': counts of no site", 1, -125, 1, 1);
        refused("tensor 'histogram_bytes': lengths that do not fit the counts", -2, -125, 1, 1);
        refused("version 2 without a distribution, a variant or tokens that were only shown", 0, -125);
    }

    private void refused(String problem, long length, int exponent, int... counts) {
        List<Planned> plan = new ArrayList<>();
        List<MemorySegment> tensors = new ArrayList<>();
        for (String column : List.of("tokens", "non_finite", "tokens_all", "non_finite_all")) {
            plan.add(new Planned(column, DType.I64, Shape.of(1)));
            tensors.add(MemorySegment.ofArray(new byte[8]));
        }
        if (counts.length > 0) {
            plan.add(new Planned("histogram_bytes", DType.I64, Shape.of(1)));
            tensors.add(MemorySegment.ofBuffer(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(length)
                    .flip()));
            plan.add(new Planned("histogram_exponent", DType.I32, Shape.of(1)));
            tensors.add(MemorySegment.ofBuffer(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(exponent)
                    .flip()));
        }
        for (String column : List.of("amax", "amax_all")) {
            plan.add(new Planned(column, DType.F32, Shape.of(1)));
            tensors.add(MemorySegment.ofBuffer(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(column.equals("amax") ? 1 : Float.NaN)
                    .flip()));
        }
        if (counts.length > 0) {
            byte[] packed = new byte[counts.length];
            for (int i = 0; i < counts.length; i++) {
                packed[i] = (byte) counts[i];
            }
            plan.add(new Planned("histogram_counts", DType.U8, Shape.of(counts.length)));
            tensors.add(MemorySegment.ofArray(packed));
        }
        byte[] text = "a.input_quantizer".getBytes(StandardCharsets.UTF_8);
        plan.add(new Planned("sites", DType.U8, Shape.of(text.length)));
        tensors.add(MemorySegment.ofArray(text));
        Path file = temp.resolve("broken.safetensors");
        SafetensorsWriter.write(file, plan, Map.of("format", "steelyard-statistics", "version", "2"), tensors);

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessage(file + ": " + problem);
    }

    @Test
    void write_expertsThatWereShownTokens_hasColumnsOfThese() {
        Path path = temp.resolve("statistics.safetensors");

        StatisticsFile.write(toppedUp(), path);

        assertThat(StatisticsFile.read(path)).isEqualTo(toppedUp());
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).containsEntry("version", "2");
            assertThat(file.bytes("top_up").toArray(ValueLayout.JAVA_LONG_UNALIGNED))
                    .containsExactly(0, 2, 0);
            assertThat(file.bytes("top_up_token").toArray(ValueLayout.JAVA_LONG_UNALIGNED))
                    .containsExactly(1L << 40, 7);
            assertThat(file.bytes("top_up_score").toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
                    .containsExactly(-1, -2);
        }
    }

    @Test
    void read_impossibleColumnsOfShownTokens_areRefused() {
        refused("top_up", i64(0, 3, 0), "tensor 'top_up_token': expected I64 [3], found I64 [2]");
        refused("top_up", i64(0, -1, 3), "tensor 'top_up': value 1 is no count");
        refused("top_up", i64(0, Long.MAX_VALUE, 0), "tensor 'top_up': value 1 is no count");
        refused("top_up_token", i64(7, 7), "tensors 'top_up_*': a token is there twice");
        refused("top_up_token", i64(7, -7), "place -7");
        refused("top_up_score", f32(-2, -1), "tensor 'top_up_score' is not in order");
        refused("top_up_score", f32(Float.NaN, -1), "score NaN");
        refused("top_up_amax", f32(0, Float.POSITIVE_INFINITY), "amax Infinity");
        refused("top_up_non_finite", i64(1, -1), "non-finite values -1");
    }

    private void refused(String tensor, MemorySegment bytes, String problem) {
        Path path = temp.resolve("whole.safetensors");
        StatisticsFile.write(toppedUp(), path);
        Path altered = temp.resolve("altered.safetensors");
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            List<Planned> plan = new ArrayList<>();
            List<MemorySegment> tensors = new ArrayList<>();
            file.tensors().values().forEach(found -> {
                plan.add(new Planned(found.name(), found.dtype(), found.shape()));
                tensors.add(found.name().equals(tensor) ? bytes : file.bytes(found));
            });
            SafetensorsWriter.write(altered, plan, file.metadata(), tensors);
        }
        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(altered))
                .withMessageContaining(problem);
    }

    private static MemorySegment i64(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        return MemorySegment.ofArray(bytes.array());
    }

    private static MemorySegment f32(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return MemorySegment.ofArray(bytes.array());
    }

    private static Statistics toppedUp() {
        TopUp topUp = new TopUp(List.of(new TopUp.Token(-2, 7, 3.5f, 1), new TopUp.Token(-1, 1L << 40, 0, 0)));
        SiteStatistics unseen = new SiteStatistics(Measurement.NONE, Optional.empty(), topUp);
        return Statistics.merged(List.of(STATISTICS, Statistics.of(Map.of(UNSEEN, unseen))));
    }

    @Test
    void read_withoutSites_isEmpty() {
        Path file = temp.resolve("statistics.safetensors");

        StatisticsFile.write(Statistics.of(Map.of()), file);

        assertThat(StatisticsFile.read(file).sites()).isEmpty();
    }

    // The layout is a contract: docs/RUN_DIRECTORY.md.
    @Test
    void write_layout_isAsDocumented() {
        Path path = temp.resolve("statistics.safetensors");

        StatisticsFile.write(STATISTICS, path);

        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).isEqualTo(Map.of("format", "steelyard-statistics", "version", "1"));
            assertThat(file.tensors().keySet())
                    .containsExactlyInAnyOrder(
                            "sites", "amax", "tokens", "non_finite", "amax_all", "tokens_all", "non_finite_all");
            assertThat(StandardCharsets.UTF_8
                            .decode(file.bytes("sites").asByteBuffer())
                            .toString())
                    .isEqualTo("""
                            layers.0.experts.10.down_proj.input_quantizer
                            layers.0.experts.2.down_proj.input_quantizer
                            layers.0.self_attn.k_bmm_quantizer""");
            ByteBuffer amax = file.bytes("amax").asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            assertThat(List.of(amax.getFloat(0), amax.getFloat(4), amax.getFloat(8)))
                    .containsExactly(51.04f, 0f, 4.5f);
            ByteBuffer all = file.bytes("amax_all").asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            assertThat(List.of(all.getFloat(0), all.getFloat(4))).containsExactly(60f, Float.NaN);
        }
    }

    @Test
    void write_equalStatistics_givesEqualBytes() throws IOException {
        StatisticsFile.write(STATISTICS, temp.resolve("one"));
        StatisticsFile.write(
                Statistics.merged(List.of(
                        Statistics.of(Map.of(KEY, SiteStatistics.of(-0f, 24, 0))),
                        STATISTICS,
                        Statistics.of(Map.of()))),
                temp.resolve("merged"));
        StatisticsFile.write(
                Statistics.merged(List.of(STATISTICS, Statistics.of(Map.of(KEY, SiteStatistics.of(0f, 24, 0))))),
                temp.resolve("other"));

        assertThat(temp.resolve("merged")).hasSameBinaryContentAs(temp.resolve("other"));
        assertThat(Files.readAllBytes(temp.resolve("one"))).isNotEqualTo(Files.readAllBytes(temp.resolve("other")));
    }

    @Test
    void read_truncatedFile_isRefused() throws IOException {
        Path file = temp.resolve("statistics.safetensors");
        StatisticsFile.write(STATISTICS, file);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 8));

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessageStartingWith(file.toString());
    }

    @Test
    void read_otherVersion_isRefused() {
        Path file = write("layers.0.self_attn.k_bmm_quantizer", "3", 1f, 5);

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessageContaining("expected metadata")
                .withMessageContaining("version=3");
    }

    @Test
    void read_unorderedSites_areRefused() {
        Path file = write("b.input_quantizer\na.input_quantizer", "1", 1f, 5);

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessage(file + ": sites are not in order at 'a.input_quantizer'");
    }

    @Test
    void read_nameOfNoSite_isRefused() {
        Path file = write("layers.0.self_attn.q_bmm_quantizer", "1", 1f, 5);

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessage(file + ": 'layers.0.self_attn.q_bmm_quantizer' names no site");
    }

    @Test
    void read_fewerNamesThanNumbers_isRefused() {
        Path file = write("a.input_quantizer", "1", 1f, 5, 2);

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessage(file + ": expected 2 site names, found 1");
    }

    @Test
    void read_impossibleNumbers_areRefused() {
        for (float amax : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1}) {
            Path file = write("a.input_quantizer", "1", amax, 5);

            assertThatExceptionOfType(StatisticsException.class)
                    .isThrownBy(() -> StatisticsFile.read(file))
                    .withMessage(
                            "%s: site 'a.input_quantizer': expected finite values of at least 0,"
                                    + " found amax %s, tokens 5, non-finite 5",
                            file, amax);
        }
        Path file = write("a.input_quantizer", "1", 1, -5);
        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> StatisticsFile.read(file))
                .withMessageContaining("tokens -5");
    }

    private static long[] longs(int bins, int at, long count) {
        long[] counts = new long[bins];
        counts[at] = count;
        return counts;
    }

    private Path write(String names, String version, float amax, long tokens) {
        return write(names, version, amax, tokens, names.split("\n", -1).length);
    }

    private Path write(String names, String version, float amax, long tokens, int sites) {
        List<Planned> plan = new ArrayList<>();
        List<MemorySegment> tensors = new ArrayList<>();
        for (String column : List.of("tokens", "non_finite", "tokens_all", "non_finite_all")) {
            plan.add(new Planned(column, DType.I64, Shape.of(sites)));
            ByteBuffer bytes = ByteBuffer.allocate(8 * sites).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < sites; i++) {
                bytes.putLong(tokens);
            }
            tensors.add(MemorySegment.ofBuffer(bytes.flip()));
        }
        for (String column : List.of("amax", "amax_all")) {
            plan.add(new Planned(column, DType.F32, Shape.of(sites)));
            ByteBuffer bytes = ByteBuffer.allocate(4 * sites).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < sites; i++) {
                bytes.putFloat(amax);
            }
            tensors.add(MemorySegment.ofBuffer(bytes.flip()));
        }
        byte[] text = names.getBytes(StandardCharsets.UTF_8);
        plan.add(new Planned("sites", DType.U8, Shape.of(text.length)));
        tensors.add(MemorySegment.ofArray(text));
        Path file = temp.resolve("broken.safetensors");
        SafetensorsWriter.write(file, plan, Map.of("format", "steelyard-statistics", "version", version), tensors);
        return file;
    }
}
