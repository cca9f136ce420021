package io.github.steelyard.cli;

import io.github.steelyard.calibration.Benchmark;
import io.github.steelyard.calibration.ResidentMemory;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.gemm.Peak;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Phase;
import io.github.steelyard.model.PhaseTotals;
import io.github.steelyard.model.Profile;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.report.ChromeTrace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
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
            "same process, before and after."
        })
final class BenchCommand extends SteelyardCommand {

    private static final long SEED = 1;
    private static final int WARM_UP_TOKENS = 64;

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--sequences",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Sequences (default: ${DEFAULT-VALUE}).")
    int sequences = 16;

    @Option(
            names = "--sequence-length",
            paramLabel = "N",
            converter = Arguments.SequenceLength.class,
            description = "Tokens in each (default: ${DEFAULT-VALUE}).")
    int sequenceLength = 512;

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

    @Option(names = "--profile", paramLabel = "FILE", description = "Write a Chrome trace of the last pass with taps.")
    @Nullable
    Path profile;

    @Mixin
    EngineOptions engine = new EngineOptions();

    BenchCommand(Console console) {
        super(console);
    }

    /// Time of one phase, summed over the workers.
    record PhaseResult(double seconds, double share, double gflopsPerSecond, double gigabytesPerSecond) {}

    /// What `--json` prints.
    record Result(
            double tokensPerSecond,
            double gflopsPerSecond,
            double shareOfFmaPeak,
            double shareOfGemmPeak,
            double tapCost,
            long peakResidentBytes,
            double seconds,
            double secondsWithoutTaps,
            long tokens,
            double gflops,
            double fmaPeakGflopsPerSecond,
            double gemmPeakGflopsPerSecond,
            int threads,
            String kernels,
            String gemm,
            Map<String, PhaseResult> phases) {}

    @Override
    Outcome run() {
        Arguments.requireReadable(sequences, sequenceLength);
        if (profile != null) {
            OutputPaths.requireApart(profile, List.of(Arguments.required(checkpoint)));
            AtomicFiles.requireReplaceable(profile);
        }
        try (Checkpoint source = Checkpoint.open(Arguments.required(checkpoint));
                ResidentMemory memory = new ResidentMemory()) {
            Decoder decoder = Families.of(source);
            Gemm gemm = engine.gemm();
            int threads = engine.threadsWithin(
                    new MemoryPlan(
                            decoder,
                            sequenceLength,
                            (long) sequences * sequenceLength,
                            source.tensors().size(),
                            noHead ? MemoryPlan.Purpose.CALIBRATION : MemoryPlan.Purpose.CALIBRATION_WITH_HEAD),
                    console);
            boolean all = experts == CalibrationOptions.Experts.ALL;
            Benchmark benchmark = new Benchmark(source, decoder, engine.kernels(), gemm, threads, all, !noHead);
            Result result = measure(benchmark, threads, gemm, memory);
            return Outcome.ok(result, lines(result));
        }
    }

    private Result measure(Benchmark benchmark, int threads, Gemm gemm, ResidentMemory memory) {
        Path state = temporaryDirectory();
        Sequences tokens = benchmark.sequences(sequences, sequenceLength, SEED);
        Peak before = Peak.measure(gemm, threads, System::nanoTime);
        console.note("warm-up");
        benchmark.pass(
                benchmark.sequences(threads, WARM_UP_TOKENS, SEED), true, state, EngineListener.NONE, Profile.NONE);
        Benchmark.@Nullable Measured on = null;
        Benchmark.@Nullable Measured off = null;
        for (int round = 0; round < rounds; round++) {
            Progress progress = new Progress(console, "without taps", tokens.tokens());
            off = faster(off, benchmark.pass(tokens, false, state, progress, Profile.NONE));
            on = faster(on, tapped(benchmark, tokens, state, round == rounds - 1));
        }
        Peak after = Peak.measure(gemm, threads, System::nanoTime);
        return result(Arguments.required(on), Arguments.required(off), tokens.tokens(), before, after, threads, memory);
    }

    private Benchmark.Measured tapped(Benchmark benchmark, Sequences tokens, Path state, boolean last) {
        Progress progress = new Progress(console, "with taps", tokens.tokens());
        if (profile == null || !last) {
            return benchmark.pass(tokens, true, state, progress, Profile.NONE);
        }
        try (ChromeTrace trace = new ChromeTrace(profile)) {
            return benchmark.pass(tokens, true, state, progress, trace);
        }
    }

    private static Benchmark.Measured faster(Benchmark.@Nullable Measured one, Benchmark.Measured other) {
        return one == null || other.seconds() < one.seconds() ? other : one;
    }

    private Result result(
            Benchmark.Measured on,
            Benchmark.Measured off,
            long tokens,
            Peak before,
            Peak after,
            int threads,
            ResidentMemory memory) {
        double fmaPeak = 1e-9
                * Math.max(
                        before.fmaAllThreads().orElse(0), after.fmaAllThreads().orElse(0));
        double gemmPeak = 1e-9 * Math.max(before.gemmAllThreads(), after.gemmAllThreads());
        double gflops = on.totals().flops() * 1e-9;
        double rate = gflops / on.seconds();
        Map<String, PhaseResult> phases = new TreeMap<>();
        double all = on.totals().totals().values().stream()
                .mapToDouble(PhaseTotals.Total::seconds)
                .sum();
        for (Map.Entry<Phase, PhaseTotals.Total> phase : on.totals().totals().entrySet()) {
            PhaseTotals.Total total = phase.getValue();
            phases.put(
                    phase.getKey().name().toLowerCase(Locale.ROOT),
                    new PhaseResult(
                            total.seconds(),
                            total.seconds() / all,
                            total.flops() * 1e-9 / total.seconds(),
                            total.bytes() * 1e-9 / total.seconds()));
        }
        return new Result(
                tokens / on.seconds(),
                rate,
                rate / fmaPeak,
                rate / gemmPeak,
                on.seconds() / off.seconds() - 1,
                memory.peakBytes(),
                on.seconds(),
                off.seconds(),
                tokens,
                gflops,
                fmaPeak,
                gemmPeak,
                threads,
                engine.kernels().name(),
                engine.gemm().name(),
                phases);
    }

    private static List<String> lines(Result result) {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "%.0f tokens/s, %.1f GFLOP/s: %.1f %% of the FMA peak, %.1f %% of the GEMM peak",
                result.tokensPerSecond,
                result.gflopsPerSecond,
                100 * result.shareOfFmaPeak,
                100 * result.shareOfGemmPeak));
        lines.add(String.format(
                Locale.ROOT,
                "taps cost %.1f %%; peak resident memory %.2f GiB",
                100 * result.tapCost,
                result.peakResidentBytes / (double) (1L << 30)));
        result.phases.forEach((phase, time) -> lines.add(String.format(
                Locale.ROOT,
                "  %-12s %7.2f s  %5.1f %%  %7.1f GFLOP/s  %6.1f GB/s",
                phase,
                time.seconds,
                100 * time.share,
                time.gflopsPerSecond,
                time.gigabytesPerSecond)));
        return lines;
    }

    private static Path temporaryDirectory() {
        Path directory = Path.of(System.getProperty("java.io.tmpdir"));
        try {
            return Files.createTempDirectory(directory, "steelyard-bench");
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
    }
}
