package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The same inputs give the same bytes, whatever the machine does.
final class DeterminismTest {

    @TempDir
    private Path temp;

    private byte[] expected = {};

    @BeforeEach
    void calibrateOnOneThread() throws IOException {
        expected = statistics("one", CommandRun.model("bf16"), "--threads", "1");
    }

    @Test
    void threads_changeNoByte() throws IOException {
        assertThat(statistics("two", CommandRun.model("bf16"), "--threads", "2"))
                .isEqualTo(expected);
        assertThat(statistics("five", CommandRun.model("bf16"), "--threads", "5"))
                .isEqualTo(expected);
    }

    // Weights of each format: BF16, NVFP4, FP8 in blocks. Where oneDNN has no bf16, the product that is taken instead.
    @ParameterizedTest
    @ValueSource(strings = {"bf16", "nvfp4", "fp8-block"})
    void threads_withTheProductOfBf16Parts_changeNoByte(String model) throws IOException {
        Path checkpoint = CommandRun.model(model);
        byte[] one = statistics("split-1", checkpoint, "--gemm", "onednn-bf16x3", "--threads", "1");
        assertThat(statistics("split-2", checkpoint, "--gemm", "onednn-bf16x3", "--threads", "2"))
                .isEqualTo(one);
    }

    @Test
    void shards_changeNoByte() throws IOException {
        assertThat(statistics("sharded", CommandRun.model("bf16-sharded"))).isEqualTo(expected);
    }

    @Test
    void allTokens_changeNothingThatIsMeasuredOverRoutedOnes() throws IOException {
        byte[] all = statistics("all", CommandRun.model("bf16"), "--experts", "all");

        assertThat(all).isNotEqualTo(expected);
        assertThat(stats("all")).isEqualTo(stats("one"));
    }

    private String stats(String run) {
        return CommandRun.of("stats", temp.resolve(run), "--json")
                .expect(ExitCode.OK)
                .out()
                .replaceAll("\"amax_all_tokens\" : [^,]*,", "");
    }

    private byte[] statistics(String name, Path checkpoint, Object... options) throws IOException {
        Path run = temp.resolve(name);
        CommandRun.calibrate(checkpoint, run, CommandRun.recipe("nvfp4-experts_fp8-rest_kv-fp8"), options)
                .expect(ExitCode.OK);
        return Files.readAllBytes(run.resolve("statistics.safetensors"));
    }
}
