package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.TinySafetensors;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Profile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadAheadTest {

    private static final int BYTES = 4 * 8 * 8; // of one weight

    @TempDir
    private Path directory;

    private final BlockingQueue<Long> read = new LinkedBlockingQueue<>();
    private final Profile profile = (phase, lane, start, flops, bytes) -> {
        assertThat(phase).isEqualTo(Phase.READ);
        read.add((long) bytes);
    };

    @Test
    void readsUpToItsWindow_andGoesOnAsTheWorkersDo() throws IOException, InterruptedException {
        List<Linear> order = layers(6);
        try (Checkpoint checkpoint = checkpoint(6);
                ReadAhead ahead = new ReadAhead(checkpoint, order, 2 * BYTES, profile, 2)) {
            // The one in use, and two more.
            assertThat(tensorsRead(3)).isEqualTo(3);
            assertThat(read.poll(200, TimeUnit.MILLISECONDS)).isNull();

            ahead.reached(order.get(2).info());

            assertThat(tensorsRead(2)).isEqualTo(2);
            assertThat(read.poll(200, TimeUnit.MILLISECONDS)).isNull();
        }
    }

    @Test
    void modulesThatWorkersPassedOver_areNotRead() throws IOException, InterruptedException {
        List<Linear> order = layers(6);
        try (Checkpoint checkpoint = checkpoint(6);
                ReadAhead ahead = new ReadAhead(checkpoint, order, BYTES, profile, 2)) {
            assertThat(tensorsRead(2)).isEqualTo(2);

            ahead.reached(order.get(5).info());

            assertThat(tensorsRead(1)).isEqualTo(1);
            assertThat(read.poll(200, TimeUnit.MILLISECONDS)).isNull();
        }
    }

    @Test
    void weightThatIsMissing_endsTheThreadQuietly() throws IOException, InterruptedException {
        try (Checkpoint checkpoint = checkpoint(1);
                ReadAhead ahead = new ReadAhead(checkpoint, layers(2), 2 * BYTES, profile, 2)) {
            assertThat(tensorsRead(1)).isEqualTo(1);
            ahead.reached(layers(2).get(1).info());
        }
        assertThat(read).isEmpty();
    }

    private int tensorsRead(int expected) throws InterruptedException {
        int count = 0;
        while (count < expected && Long.valueOf(BYTES).equals(read.poll(10, TimeUnit.SECONDS))) {
            count++;
        }
        return count;
    }

    private Checkpoint checkpoint(int count) throws IOException {
        TinySafetensors file = new TinySafetensors();
        for (Linear linear : layers(count)) {
            file.f32(linear.info().name() + ".weight", new long[] {8, 8}, new float[64]);
        }
        file.write(directory.resolve("model.safetensors"));
        Files.writeString(directory.resolve("config.json"), "{}");
        return Checkpoint.open(directory);
    }

    private static List<Linear> layers(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new ModuleInfo("layer." + i, ModuleInfo.Kind.LINEAR, 8, 8, i, List.of()))
                .map(info -> Linear.of(info, false))
                .toList();
    }
}
