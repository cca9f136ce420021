package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.benchmark.BenchmarkResult;
import io.github.steelyard.console.ExitCode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class BenchCommandTest {

    @Test
    void lines_peaks_standBesideOneAnother() {
        assertThat(BenchCommand.lines(result(150.26, "brg_matmul:avx512_core_bf16")))
                .contains("peaks in GFLOP/s: FMA 240.0, GEMM 230.0, bf16 / 3 150.3 (brg_matmul:avx512_core_bf16)");
    }

    @Test
    void lines_withoutBf16_sayWhy() {
        assertThat(BenchCommand.lines(result(0, "oneDNN only built for linux amd64")))
                .contains("peaks in GFLOP/s: FMA 240.0, GEMM 230.0, bf16 / 3 none (oneDNN only built for linux amd64)");
    }

    @Test
    void lines_simulated_sayHowBusyTheWorkersAre() {
        assertThat(BenchCommand.lines(result(150.26, "kernel")))
                .contains(
                        "simulated: 64 workers take 10.0 s, 819 tokens/s; at work 90.0 % of the time, 0.2 s for one thread");
    }

    @Test
    void experts_thatAreToppedUp_areRefused() {
        assertThat(CommandRun.of("bench", "no-such-directory", "--experts", "top_up")
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("--experts top_up: expected routed or all");
    }

    private static BenchmarkResult result(double third, String kernel) {
        return new BenchmarkResult(
                1000,
                200,
                0.8,
                0.9,
                0.01,
                1 << 30,
                8,
                7.9,
                8192,
                1600,
                240,
                230,
                third,
                kernel,
                2,
                "vector",
                "vector-512",
                "asked for",
                List.of(),
                List.of(new BenchmarkResult.Simulated(64, 10, 819.2, 0.9, 0.24)),
                Map.of());
    }
}
