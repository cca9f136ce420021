package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Calibrations in processes of their own that are killed, interrupted, or get no disk. `scripts/kill-and-resume` does
/// the killing at length.
final class KillTest {

    private static final int KILLS = 6;

    // So many that a process is still at work when it is dealt with, also on a busy machine.
    private static final int LAYERS = 24;

    private static final long SEED = 20_260_401;

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));
    private byte[] expected = {};

    @BeforeEach
    void calibrateUndisturbed() throws IOException {
        inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16", LAYERS);
        CommandRun.of(arguments("undisturbed")).expect(ExitCode.OK);
        expected = statistics("undisturbed");
    }

    @Test
    void kills_atAnyInstant_leaveTheSameBytesBehind() throws Exception {
        Random random = new Random(SEED);
        int runs = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            String progress = "layer %d/%d".formatted(random.nextInt(LAYERS + 1), LAYERS);
            try (ProgramProcess program = ProgramProcess.start(progress, arguments("run-" + runs))) {
                program.awaitProgress();
                Thread.sleep(random.nextInt(15));
                program.process().destroyForcibly().waitFor();
            }
            if (Files.exists(temp.resolve("run-" + runs).resolve("manifest.json"))) {
                assertThat(statistics("run-" + runs))
                        .as("seed %d, kill %d", SEED, kill)
                        .isEqualTo(expected);
                runs++;
            }
        }
        CommandRun.of(arguments("run-" + runs)).expect(ExitCode.OK);
        assertThat(statistics("run-" + runs)).as("seed %d", SEED).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"INT", "TERM"})
    @DisabledOnOs(OS.WINDOWS)
    void signal_leavesARunThatGoesOn(String signal) throws Exception {
        try (ProgramProcess program = ProgramProcess.start("layer 1/24", arguments("run"))) {
            program.awaitProgress();
            new ProcessBuilder(
                            "kill",
                            "-" + signal,
                            Long.toString(program.process().pid()))
                    .start()
                    .waitFor();

            assertThat(program.exitCode()).isEqualTo(ExitCode.INTERRUPTED);
            assertThat(program.err())
                    .contains(
                            "interrupted; run the same command again: a calibration goes on after its last finished layer")
                    .doesNotContain("error:", "Exception");
        }
        ProgressWatcher watcher = new ProgressWatcher("layer", () -> {});
        CommandRun.watched(watcher, arguments("run")).expect(ExitCode.OK);
        assertThat(watcher.text().toString()).doesNotContain("layer 0/24");
        assertThat(statistics("run")).isEqualTo(expected);
    }

    @Test
    void commandsThatEndByThemselves_keepTheirExitCode() throws Exception {
        try (ProgramProcess sound = ProgramProcess.start("", arguments("undisturbed"));
                ProgramProcess wrong = ProgramProcess.start("", "stats", temp.resolve("missing"))) {
            assertThat(sound.exitCode()).isEqualTo(ExitCode.OK);
            assertThat(wrong.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
            assertThat(wrong.err()).doesNotContain("interrupted");
        }
    }

    @Test
    void secondProcess_onTheSameRun_isRefused() throws Exception {
        try (ProgramProcess program = ProgramProcess.start("layer 1/24", arguments("run"))) {
            program.awaitProgress();
            new ProcessBuilder("kill", "-STOP", Long.toString(program.process().pid()))
                    .start()
                    .waitFor();
            CommandRun second = CommandRun.of(arguments("run")).expect(ExitCode.USAGE);
            assertThat(second.err()).contains("another process is at work here");
        }
    }

    // The limit stands for a full disk: a write beyond it fails as one onto a full disk does, with another message.
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void fullDisk_isSaidAndLosesNothing() throws Exception {
        try (ProgramProcess program = ProgramProcess.startAfter("ulimit -f 40", "layer 24/24", arguments("run"))) {
            assertThat(program.exitCode()).as(program.err()).isEqualTo(ExitCode.RESOURCE);
            assertThat(program.err()).contains("cannot be written").doesNotContain("\tat ");
        }
        CommandRun.of(arguments("run")).expect(ExitCode.OK);
        assertThat(statistics("run")).isEqualTo(expected);
    }

    // Files are read through memory maps: a shard that becomes shorter is met in the middle of the arithmetic.
    @Test
    void shardThatBecomesShorter_isSaidAndLosesNothing() throws Exception {
        Path shard = inputs.checkpoint().resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(shard);
        try (ProgramProcess program = ProgramProcess.start("layer 1/24", arguments("run"))) {
            program.awaitProgress();
            try (var channel = FileChannel.open(shard, StandardOpenOption.WRITE)) {
                channel.truncate(4096);
            }
            assertThat(program.exitCode()).as(program.err()).isEqualTo(ExitCode.BAD_INPUT);
            // Which of the two depends on whether the worker was reading at that instant or about to open a tensor.
            assertThat(program.err())
                    .containsAnyOf("a file that was being read changed while in use", "changed while it was in use");
        }
        Files.write(shard, whole);
        CommandRun.of(arguments("run")).expect(ExitCode.OK);
        assertThat(statistics("run")).isEqualTo(expected);
    }

    private Object[] arguments(String run) {
        return new Object[] {
            "calibrate",
            inputs.checkpoint(),
            "--recipe",
            CommandRun.recipe("nvfp4-experts"),
            "--data",
            inputs.data(),
            "--threads",
            2,
            "--out",
            temp.resolve(run)
        };
    }

    private byte[] statistics(String run) throws IOException {
        return Files.readAllBytes(temp.resolve(run).resolve("statistics.safetensors"));
    }
}
