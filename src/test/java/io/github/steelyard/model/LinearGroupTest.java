package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.TinySafetensors;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.ShownTokens;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Layers that share an input, under taps that look and taps that alter. All numbers are small integers, so sums are
/// exact.
final class LinearGroupTest {

    private static final int COLUMNS = 5;
    private static final int TOKENS = 3;
    private static final List<String> NAMES = List.of("q", "k", "v");
    private static final int[] ROWS = {3, 2, 4};
    private static final int ALL_ROWS = 9;

    @TempDir
    private Path directory;

    private final List<List<String>> seen = new ArrayList<>();

    @Test
    void forward_withoutTap_isTheStackedProduct() throws IOException {
        assertThat(forward(Tap.NONE)).isEqualTo(product(1, 1, 1));
        assertThat(seen).isEmpty();
    }

    @Test
    void forward_watched_showsTheInputOnceForAll() throws IOException {
        assertThat(forward(new Scaling(List.of(List.of("q", "k", "v")), false))).isEqualTo(product(1, 1, 1));
        assertThat(seen).containsExactly(List.of("q.weight"), List.of("k.weight"), List.of("v.weight"), NAMES);
    }

    @Test
    void forward_allAlteredAlike_isOnePart() throws IOException {
        assertThat(forward(new Scaling(List.of(List.of("q", "k", "v")), true))).isEqualTo(product(2, 2, 2));
        assertThat(seen.subList(3, seen.size())).containsExactly(NAMES);
    }

    @Test
    void forward_neighboursAlteredAlike_shareAPart() throws IOException {
        assertThat(forward(new Scaling(List.of(List.of("q", "k"), List.of("v")), true)))
                .isEqualTo(product(2, 2, 3));
        assertThat(seen.subList(3, seen.size())).containsExactly(List.of("q", "k"), List.of("v"));
    }

    // The outputs of q and v do not lie together, so they are two products although their input is the same.
    @Test
    void forward_apartButAlteredAlike_isCutIntoRuns() throws IOException {
        assertThat(forward(new Scaling(List.of(List.of("q", "v"), List.of("k")), true)))
                .isEqualTo(product(2, 3, 2));
        assertThat(seen.subList(3, seen.size())).containsExactly(List.of("q"), List.of("v"), List.of("k"));
    }

    // 1000 is added to each output of k, and the outputs of q and v are shown as they are.
    @Test
    void forward_outputsWatched_showsEachMembersOwn() throws IOException {
        float[] wanted = product(1, 1, 1);
        List<float[]> outputs = new ArrayList<>();
        Tap tap = new Tap() {
            @Override
            public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
                if (sites.getFirst().role() == Role.OUTPUT) {
                    seen.add(List.of(sites.getFirst().name()));
                    outputs.add(Arrays.copyOfRange(values, offset, offset + rows * columns));
                    for (int i = 0; sites.getFirst().module().equals("k") && i < rows * columns; i++) {
                        values[offset + i] += 1000;
                    }
                }
            }

            @Override
            public boolean watches(Role role) {
                return role == Role.OUTPUT;
            }

            @Override
            public boolean alters() {
                return true;
            }
        };

        float[] found = forward(tap);

        assertThat(seen)
                .containsExactly(
                        List.of("q.output_quantizer"), List.of("k.output_quantizer"), List.of("v.output_quantizer"));
        for (int token = 0; token < TOKENS; token++) {
            for (int row = 0; row < ALL_ROWS; row++) {
                int member = row < 3 ? 0 : row < 5 ? 1 : 2;
                int first = member == 0 ? 0 : member == 1 ? 3 : 5;
                float value = wanted[token * ALL_ROWS + row];
                assertThat(outputs.get(member)[token * ROWS[member] + row - first])
                        .isEqualTo(value);
                assertThat(found[token * ALL_ROWS + row]).isEqualTo(member == 1 ? value + 1000 : value);
            }
        }
    }

    @Test
    void group_ofDifferentWidths_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LinearGroup.of(
                        Linear.of(new ModuleInfo("a", ModuleInfo.Kind.LINEAR, 2, 3, 0, List.of())),
                        Linear.of(new ModuleInfo("b", ModuleInfo.Kind.LINEAR, 2, 4, 0, List.of()))))
                .withMessageStartingWith("layers that share an input differ in its width");
    }

    private float[] forward(Tap tap) throws IOException {
        Files.writeString(directory.resolve("config.json"), "{}");
        new TinySafetensors().f32("unused", new long[] {1}, 0).write(directory.resolve("model.safetensors"));
        Pass pass = new Pass(
                Kernels.fastest(),
                Gemm.select("vector"),
                tap,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                1,
                Profile.NONE);
        List<Linear> members = new ArrayList<>();
        for (int i = 0; i < NAMES.size(); i++) {
            members.add(layer(i));
        }
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Lane lane = Lane.alone(pass);
                Scratch.Frame frame = lane.frame()) {
            LinearGroup.Loaded loaded = new LinearGroup(members).load(new CheckpointWeights(checkpoint), lane, frame);
            float[] x = input();
            float[] y = new float[TOKENS * ALL_ROWS];
            loaded.forward(x, TOKENS, y, Phase.PROJECTION, lane);
            assertThat(x).isEqualTo(input());
            return y;
        }
    }

    private static float[] input() {
        float[] x = new float[TOKENS * COLUMNS];
        for (int i = 0; i < x.length; i++) {
            x[i] = i % 7 - 3;
        }
        return x;
    }

    private static float weight(int row, int column) {
        return (row * 5 + column * 3) % 11 - 5;
    }

    // The last of the three is stored transposed.
    private static Linear layer(int index) {
        int first = index == 0 ? 0 : index == 1 ? ROWS[0] : ROWS[0] + ROWS[1];
        int rows = ROWS[index];
        boolean flipped = index == 2;
        float[] values = new float[rows * COLUMNS];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                values[flipped ? column * rows + row : row * COLUMNS + column] = weight(first + row, column);
            }
        }
        StoredWeight stored = flipped
                ? TransposedWeight.plain(MemorySegment.ofArray(values), DType.F32, rows, COLUMNS)
                : PlainWeight.ofFloats(values, rows, COLUMNS);
        ModuleInfo info = new ModuleInfo(NAMES.get(index), ModuleInfo.Kind.LINEAR, rows, COLUMNS, 0, NAMES);
        return new Linear(info, (weights, module) -> stored, Optional.empty());
    }

    /// Returns the product by plain loops, the input of q, k and v taken so many times.
    private static float[] product(int q, int k, int v) {
        float[] y = new float[TOKENS * ALL_ROWS];
        float[] x = input();
        for (int token = 0; token < TOKENS; token++) {
            for (int row = 0; row < ALL_ROWS; row++) {
                int factor = row < 3 ? q : row < 5 ? k : v;
                for (int i = 0; i < COLUMNS; i++) {
                    y[token * ALL_ROWS + row] += factor * x[token * COLUMNS + i] * weight(row, i);
                }
            }
        }
        return y;
    }

    /// Notes what it sees; the inputs of the first of its groups it doubles, those of the second it takes three times.
    private final class Scaling implements Tap {

        private final List<List<String>> groups;
        private final boolean alters;

        Scaling(List<List<String>> groups, boolean alters) {
            this.groups = groups;
            this.alters = alters;
        }

        @Override
        public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
            boolean weights = sites.getFirst().role() == Role.WEIGHT;
            List<String> names = sites.stream()
                    .map(site -> weights ? site.module() + ".weight" : site.module())
                    .toList();
            if (seen.isEmpty() || !seen.getLast().equals(names)) {
                seen.add(names);
            }
            if (alters && !weights) {
                int factor = groups.getFirst().containsAll(names) ? 2 : 3;
                for (int i = offset; i < offset + rows * columns; i++) {
                    values[i] *= factor;
                }
            }
        }

        @Override
        public boolean alters() {
            return alters;
        }

        @Override
        public List<List<Site>> partition(List<Site> sites) {
            return groups.stream()
                    .map(names -> sites.stream()
                            .filter(site -> names.contains(site.module()))
                            .toList())
                    .toList();
        }
    }
}
