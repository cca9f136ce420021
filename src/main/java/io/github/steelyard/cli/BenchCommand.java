package io.github.steelyard.cli;

import io.github.steelyard.benchmark.BenchmarkJob;
import io.github.steelyard.benchmark.BenchmarkRequest;
import io.github.steelyard.benchmark.BenchmarkResult;
import io.github.steelyard.console.Console;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.EngineOptions;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.recipe.CalibrationOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard bench`: speed and memory of a calibration, measured on random tokens.
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Measures the speed and memory of a calibration over random tokens.",
            "Rate, share of the machine's peaks, time per phase, cost of the taps, memory. The peaks are measured in the",
            "same process, before and after: fused multiply-adds in registers (FMA), the matrix product in the cache",
            "(GEMM), and a third of oneDNN's bf16 product in the cache, which is what --gemm onednn-bf16x3 can reach."
        })
final class BenchCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--sequences",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Sequences (default: ${DEFAULT-VALUE}).")
    int sequences = BenchmarkRequest.DEFAULT_SEQUENCES;

    @Option(
            names = "--sequence-length",
            paramLabel = "N",
            converter = Arguments.SequenceLength.class,
            description = "Tokens in each (default: ${DEFAULT-VALUE}).")
    int sequenceLength = BenchmarkRequest.DEFAULT_SEQUENCE_LENGTH;

    @Option(names = "--experts", paramLabel = "routed|all", description = "Whether experts also see every token.")
    CalibrationOptions.Experts experts = CalibrationOptions.Experts.ROUTED;

    @Option(names = "--no-head", description = "Stop at the input of the head, as a calibration does.")
    boolean noHead;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            converter = Arguments.Few.class,
            description = "Timed passes with and without taps each; the fastest counts.")
    int rounds = 1;

    @Option(
            names = "--simulate-threads",
            paramLabel = "N",
            split = ",",
            converter = Arguments.Threads.class,
            description =
                    "Besides, one pass with each of these numbers of workers as it would run if every worker had a"
                            + " core of its own: they take turns here, each is charged its processor time, and waits for others"
                            + " as it would there. Takes as long as a pass on one core. Caches, memory and disk are not"
                            + " simulated.")
    List<Integer> simulateThreads = List.of();

    @Option(names = "--profile", paramLabel = "FILE", description = "Write a Chrome trace of the last pass with taps.")
    @Nullable
    Path profile;

    @Mixin
    EngineOptions engine = new EngineOptions();

    BenchCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Arguments.requireReadable(sequences, sequenceLength);
        if (experts == CalibrationOptions.Experts.TOP_UP) {
            throw new UsageException("--experts top_up: expected routed or all, since nothing is drawn here");
        }
        BenchmarkResult result = BenchmarkJob.run(
                new BenchmarkRequest(
                        Arguments.required(checkpoint),
                        sequences,
                        sequenceLength,
                        experts == CalibrationOptions.Experts.ALL,
                        !noHead,
                        rounds,
                        simulateThreads,
                        Optional.ofNullable(profile),
                        engine.compute()),
                listener());
        return Outcome.ok(result, lines(result));
    }

    static List<String> lines(BenchmarkResult result) {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "%.0f tokens/s, %.1f GFLOP/s: %.1f %% of the FMA peak, %.1f %% of the GEMM peak",
                result.tokensPerSecond(),
                result.gflopsPerSecond(),
                100 * result.shareOfFmaPeak(),
                100 * result.shareOfGemmPeak()));
        lines.add(String.format(
                Locale.ROOT,
                "peaks in GFLOP/s: FMA %.1f, GEMM %.1f, bf16 / 3 %s (%s)",
                result.fmaPeakGflopsPerSecond(),
                result.gemmPeakGflopsPerSecond(),
                result.bf16PeakThirdGflopsPerSecond() == 0
                        ? "none"
                        : String.format(Locale.ROOT, "%.1f", result.bf16PeakThirdGflopsPerSecond()),
                result.bf16Kernel()));
        lines.add(String.format(
                Locale.ROOT,
                "taps cost %.1f %%; peak resident memory %.2f GiB",
                100 * result.tapCost(),
                result.peakResidentBytes() / (double) (1L << 30)));
        lines.add("gemm %s: %s".formatted(result.gemm(), result.gemmReason()));
        result.gemmRemarks().forEach(remark -> lines.add("  " + remark));
        result.simulated()
                .forEach(pass -> lines.add(String.format(
                        Locale.ROOT,
                        "simulated: %d workers take %.1f s, %.0f tokens/s; at work %.1f %% of the time, %.1f s for one thread",
                        pass.threads(),
                        pass.seconds(),
                        pass.tokensPerSecond(),
                        100 * pass.shareAtWork(),
                        pass.secondsAlone())));
        result.phases()
                .forEach((phase, time) -> lines.add(String.format(
                        Locale.ROOT,
                        "  %-12s %7.2f s  %5.1f %%  %7.1f GFLOP/s  %6.1f GB/s",
                        phase,
                        time.seconds(),
                        100 * time.share(),
                        time.gflopsPerSecond(),
                        time.gigabytesPerSecond())));
        return lines;
    }
}
