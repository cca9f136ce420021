package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Three layers of 700, 300 and 600 rows in blocks of up to 512, against one packed weight of all rows.
final class PackedRowsTest {

    private static final int COLUMNS = 8192;
    private static final int[] ROWS = {700, 300, 600};
    private static final int ALL_ROWS = 1600;
    private static final int TOKENS = 5;

    private final SplittableRandom random = new SplittableRandom(13);
    private final float[] values = floats(ALL_ROWS * COLUMNS);
    private final float[] x = floats(TOKENS * COLUMNS);
    private final Map<String, AtomicInteger> shown = new ConcurrentHashMap<>();

    @Test
    void multiply_ofAnyRowsAndColumns_hasTheBitsOfOneWeight() {
        for (boolean alters : new boolean[] {false, true}) {
            shown.clear();
            try (Workers workers = new Workers(pass(tap(alters)), module -> {}, Monitor.ofThreads());
                    Lane lane = Lane.alone(pass(Tap.NONE));
                    Scratch.Frame memory = lane.frame();
                    PackedWeight whole = new PackedWeight()) {
                lane.pack(Matrix.dense(values, ALL_ROWS, COLUMNS), whole);
                PackedRows packed = workers.lead(worker -> PackedRows.pack(layers(), weights(), worker, memory));

                for (int[] part : new int[][] {
                    {0, ALL_ROWS, 0, COLUMNS}, {64, 1000, 0, COLUMNS}, {512, 64, 0, COLUMNS}, {0, ALL_ROWS, 64, 1024}
                }) {
                    Matrix input = Matrix.dense(x, TOKENS, COLUMNS).columnRange(part[2], part[2] + part[3]);
                    float[] expected = new float[TOKENS * part[1]];
                    float[] found = new float[TOKENS * part[1]];
                    lane.multiply(
                            input,
                            whole.slice(part[0], part[0] + part[1], part[2], part[2] + part[3]),
                            Update.SET,
                            Matrix.dense(expected, TOKENS, part[1]));
                    packed.multiply(input, part[0], part[2], Update.SET, Matrix.dense(found, TOKENS, part[1]), lane);
                    assertThat(found).isEqualTo(expected);
                }
            }
            assertThat(shown).hasSize(ROWS.length);
            for (int i = 0; i < ROWS.length; i++) {
                assertThat(shown.get("layer" + i)).hasValue(ROWS[i]);
            }
        }
    }

    private Tap tap(boolean alters) {
        return new Tap() {
            @Override
            public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
                assertThat(source).isEqualTo(new RowSource.Weight());
                shown.computeIfAbsent(sites.getFirst().module(), absent -> new AtomicInteger())
                        .addAndGet(rows);
            }

            @Override
            public boolean alters() {
                return alters;
            }
        };
    }

    private static List<Linear> layers() {
        List<Linear> layers = new ArrayList<>();
        for (int i = 0; i < ROWS.length; i++) {
            layers.add(Linear.of(new ModuleInfo("layer" + i, ModuleInfo.Kind.LINEAR, ROWS[i], COLUMNS, 0, List.of())));
        }
        return layers;
    }

    private List<StoredWeight> weights() {
        StoredWeight all = PlainWeight.ofFloats(values, ALL_ROWS, COLUMNS);
        return List.of(all.rowRange(0, 700), all.rowRange(700, 1000), all.rowRange(1000, 1600));
    }

    private float[] floats(int count) {
        float[] floats = new float[count];
        for (int i = 0; i < count; i++) {
            floats[i] = random.nextInt(-100, 100) * 0.01f;
        }
        return floats;
    }

    private static Pass pass(Tap tap) {
        return new Pass(
                Kernels.fastest(),
                Gemm.select("vector"),
                tap,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                3,
                Profile.NONE);
    }
}
