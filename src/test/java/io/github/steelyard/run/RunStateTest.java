package io.github.steelyard.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunStateTest {

    @TempDir
    private Path temp;

    @Test
    void rowsThatSolvedLayersLeftOut_areKnownToTheProcessThatGoesOn() throws IOException {
        RunState.begin(temp.resolve("solving"), key(), 1, Optional.empty());
        try (RunState state = open();
                Workers workers = StreamChecksumTest.workers()) {
            state.begin(1, 2);
            for (int layer = 0; layer < 2; layer++) {
                Files.writeString(file(layer), "solved");
                state.keepResults(layer, 3);
                state.finished(layer, workers);
            }
            Files.writeString(file(2), "solved");
            state.keepResults(2, 100); // not finished
        }

        try (RunState state = open()) {
            state.begin(1, 2);

            assertThat(state.firstLayer()).isEqualTo(2);
            assertThat(state.leftOut()).isEqualTo(6);
        }
    }

    private RunState open() {
        return new RunState(temp.resolve("solving"), key(), 4, 3, false, Optional.of(this::file));
    }

    private Path file(int layer) {
        return temp.resolve("layer-" + layer);
    }

    private static RunKey key() {
        TreeMap<String, String> parts = new TreeMap<>();
        parts.put(StateFile.STATISTICS, "digest");
        return new RunKey(parts);
    }
}
