package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.testing.PublishedConfig;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What the schedules make of 64 workers. `-Dschedule.threads=8,32,64,128` with `-Dschedule.sequences=N`,
/// `-Dschedule.length=N`, `-Dschedule.skew=X` and `-Dschedule.noise=X` prints the table of `docs/PERFORMANCE.md`.
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class ScheduleSimulationTest {

    // Processor time of one core of an AMD EPYC (Zen 4), see docs/PERFORMANCE.md.
    private static final ScheduleSimulation.Rates RATES =
            new ScheduleSimulation.Rates(105e9, 28e9, 62e9, 15e9, 4.5e9, 30e9, 1.3e8);

    private static final int SEQUENCES = Integer.getInteger("schedule.sequences", 256);
    private static final int LENGTH = Integer.getInteger("schedule.length", 512);
    private static final double SKEW = Double.parseDouble(System.getProperty("schedule.skew", "0.5"));
    private static final double NOISE = Double.parseDouble(System.getProperty("schedule.noise", "0.2"));

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-30b-a3b", "deepseek-v3", "gpt-oss-120b"})
    void sixtyFourWorkers_areAtWorkMostOfTheTime(String model) {
        ScheduleSimulation simulation = simulation(model, SEQUENCES, LENGTH, SKEW, NOISE);
        int[] counts = Arrays.stream(
                        System.getProperty("schedule.threads", "64").split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
        for (int threads : counts) {
            ScheduleSimulation.Result result = simulation.run(threads);
            if (System.getProperty("schedule.threads") != null) {
                System.out.printf(
                        Locale.ROOT,
                        "%-14s %4d workers: %8.1f s, %5.1f %%%n",
                        model,
                        threads,
                        result.seconds(),
                        100 * result.efficiency());
            }
            if (threads == 64) {
                assertThat(result.efficiency()).isBetween(0.85, 1.0);
            }
        }
    }

    @Test
    void fewerSequencesThanWorkers_leaveNotAllButTheseIdle() {
        assertThat(simulation("qwen3-30b-a3b", 16, 1024, 0, 0).run(64).efficiency())
                .isBetween(0.6, 1.0);
    }

    @Test
    void oneWorker_neverWaits_andTimesAreAFunctionOfTheInputs() {
        ScheduleSimulation simulation = simulation("qwen3-30b-a3b", 16, 512, 0.5, 0.2);

        assertThat(simulation.run(1).efficiency()).isEqualTo(1, within(1e-9));
        assertThat(simulation.run(7)).isEqualTo(simulation.run(7));
    }

    private ScheduleSimulation simulation(String model, int sequences, int length, double skew, double noise) {
        return new ScheduleSimulation(PublishedConfig.decoder(model, directory), sequences, length, skew, noise, RATES);
    }
}
