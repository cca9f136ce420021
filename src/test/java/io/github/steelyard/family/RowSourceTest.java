package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext.RowMemory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What a tap is told of the rows that it sees, on the demo checkpoint. In this family the router and the experts read
/// the same values, so that each row of an expert must be the router's row of the token that it claims to be.
final class RowSourceTest {

    private static final int EXPERTS = 16;
    private static final int CHOSEN = 2;
    private static final Sequences SEQUENCES = new Sequences(List.of(
            IntStream.range(3, 40).toArray(),
            IntStream.range(0, 900).map(i -> i * 7 % 256).toArray()));

    @Test
    void rows_ofEverySource_areTheTokensThatItNames() {
        Recorder seen = new Recorder();
        int layers = run(seen);

        assertThat(seen.events).hasSize(2 * layers);
        for (int layer = 0; layer < layers; layer++) {
            assertThat(seen.events.get(2 * layer)).isEqualTo("begins " + layer);
            assertThat(seen.events.get(2 * layer + 1)).isEqualTo("ends " + layer);
            int[] routed = new int[(int) SEQUENCES.tokens()];
            int[] others = new int[(int) SEQUENCES.tokens()];
            List<float[]> router = List.copyOf(seen.routers.get(layer).values());
            for (Row row : seen.experts.get(layer)) {
                assertThat(row.values).isEqualTo(router.get(row.token));
                (row.routed ? routed : others)[row.token]++;
            }
            assertThat(routed).containsOnly(CHOSEN);
            assertThat(others).containsOnly(EXPERTS - CHOSEN);
        }
    }

    private static int run(Tap tap) {
        try (Checkpoint checkpoint = Checkpoint.open(Path.of("src/main/resources/demo/checkpoint"));
                Arena arena = Arena.ofShared()) {
            Decoder decoder = Families.of(checkpoint);
            Pass pass = new Pass(
                    Kernels.fastest(),
                    Gemm.select("auto"),
                    tap,
                    ExpertBackend.DECOMPOSED,
                    ShownTokens.ALL,
                    2,
                    Profile.NONE);
            new Engine(decoder, new CheckpointWeights(checkpoint), pass, RowMemory.ANONYMOUS)
                    .run(
                            SEQUENCES,
                            LayerStore.inMemory(arena, SEQUENCES, decoder.hidden()),
                            EngineListener.NONE,
                            Optional.empty());
            return decoder.layers().size();
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Row(boolean routed, int token, float[] values) {}

    /// Keeps the input rows of the routers and of the experts' first products.
    private static final class Recorder implements Tap {

        private final List<String> events = new ArrayList<>();
        private final Map<Integer, TreeMap<Integer, float[]>> routers = new HashMap<>();
        private final Map<Integer, List<Row>> experts = new HashMap<>();
        private int layer;

        @Override
        public void layerBegins(int layer) {
            this.layer = layer;
            events.add("begins " + layer);
        }

        @Override
        public void layerEnds(int layer) {
            this.layer = -1;
            events.add("ends " + layer);
        }

        @Override
        public synchronized void rows(
                List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
            Site site = sites.getFirst();
            assertThat(source.equals(new RowSource.Weight())).isEqualTo(site.role() == Role.WEIGHT);
            assertThat(site.module().contains(".layers.%d.".formatted(layer))).isEqualTo(layer >= 0);
            boolean router = site.module().endsWith(".mlp.gate");
            boolean expert =
                    site.module().contains(".experts.") && site.module().endsWith(".gate_proj");
            if (site.role() != Role.INPUT || !(router || expert)) {
                return;
            }
            for (int row = 0; row < rows; row++) {
                int from = offset + row * columns;
                add(source, row, rows, Arrays.copyOfRange(values, from, from + columns));
            }
        }

        private void add(RowSource source, int row, int rows, float[] values) {
            switch (source) {
                case RowSource.Weight weight -> throw new AssertionError(weight);
                case RowSource.Sequence sequence -> {
                    assertThat(rows).isEqualTo(SEQUENCES.length(sequence.sequence()));
                    int token = (int) SEQUENCES.start(sequence.sequence()) + row;
                    routers.computeIfAbsent(layer, absent -> new TreeMap<>()).put(token, values);
                }
                case RowSource.Routed routed -> {
                    assertThat(routed.all()).isTrue();
                    int token = routed.tokens()[routed.first() + row];
                    rowsOf(layer).add(new Row(true, token, values));
                }
                case RowSource.Others others -> rowsOf(layer).add(new Row(false, others.tokens()[row], values));
                case RowSource.Every every -> throw new AssertionError(every);
                case RowSource.Nearest nearest -> throw new AssertionError(nearest);
            }
        }

        private List<Row> rowsOf(int layer) {
            return experts.computeIfAbsent(layer, absent -> new ArrayList<>());
        }
    }
}
