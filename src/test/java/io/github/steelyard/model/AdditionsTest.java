package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.TinySafetensors;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.ShownTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two layers of two outputs that share an input of three features, over two copies of two tokens; something is added
/// to the second layer in the second copy. All numbers are small integers, so sums are exact.
final class AdditionsTest {

    private static final Variants COPIES = new Variants(2, 1, 2);
    private static final RowSource ROWS = new RowSource.Routed(new int[] {9, 0, 1, 2, 3}, 1, 1, 4, false);
    private static final float[] X = {1, 2, 3, -1, 0, 2, 1, 1, 1, 2, -2, 1}; // (4, 3)
    private static final float[] W = {1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 2}; // (4, 3)
    private static final LowRank ADDED = new LowRank(
            1, PlainWeight.ofFloats(new float[] {1, 2, -1}, 1, 3), PlainWeight.ofFloats(new float[] {3, -5}, 2, 1), 2);

    @TempDir
    private Path directory;

    @Test
    void forward_rowsOfTwoCopies_addsToThoseOfTheSecond() throws IOException {
        assertThat(forward(Tap.NONE)).isEqualTo(expected(1));
    }

    // Servers give an adapter the input as it is before it is quantised.
    @Test
    void forward_alteredInput_isReadUnalteredByTheAdapter() throws IOException {
        Tap doubling = new Tap() {
            @Override
            public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
                for (int i = offset; sites.getFirst().role() == Role.INPUT && i < offset + rows * columns; i++) {
                    values[i] *= 2;
                }
            }

            @Override
            public boolean alters() {
                return true;
            }
        };

        assertThat(forward(doubling)).isEqualTo(expected(2));
    }

    // x · (1, 2, -1) is 2 and -3 in the last two rows; times 2, then 3 and -5.
    private static float[] expected(int factor) {
        float[] y = new float[16];
        for (int row = 0; row < 4; row++) {
            for (int out = 0; out < 4; out++) {
                for (int i = 0; i < 3; i++) {
                    y[row * 4 + out] += factor * X[row * 3 + i] * W[out * 3 + i];
                }
            }
        }
        y[10] += 12;
        y[11] -= 20;
        y[14] -= 18;
        y[15] += 30;
        return y;
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
                Profile.NONE,
                COPIES);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Lane lane = Lane.alone(pass);
                Scratch.Frame frame = lane.frame()) {
            LinearGroup.Loaded loaded = LinearGroup.of(layer("first", 0), layer("second", 6))
                    .load(new Added(new CheckpointWeights(checkpoint)), lane, frame);
            float[] y = new float[16];
            lane.turnsTo(ROWS);
            loaded.forward(X.clone(), 4, y, Phase.PROJECTION, lane);
            return y;
        }
    }

    private static Linear layer(String name, int from) {
        float[] values = new float[6];
        System.arraycopy(W, from, values, 0, 6);
        StoredWeight weight = PlainWeight.ofFloats(values, 2, 3);
        ModuleInfo info = new ModuleInfo(name, ModuleInfo.Kind.LINEAR, 2, 3, 0, List.of("first", "second"));
        return new Linear(info, (weights, module) -> weight, Optional.empty());
    }

    private record Added(CheckpointWeights stored) implements Weights {

        @Override
        public Optional<StoredWeight> replacement(String module) {
            return Optional.empty();
        }

        @Override
        public List<LowRank> additions(String module) {
            return module.equals("second") ? List.of(ADDED) : List.of();
        }

        @Override
        public StoredWeight plain(String name, int rows, int columns) {
            return stored.plain(name, rows, columns);
        }

        @Override
        public float[] vector(String name, Shape shape, int from, int length) {
            return stored.vector(name, shape, from, length);
        }
    }
}
