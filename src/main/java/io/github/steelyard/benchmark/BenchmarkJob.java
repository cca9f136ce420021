package io.github.steelyard.benchmark;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.gemm.Bf16Peak;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.gemm.Peak;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.ForwardPass;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.CalibrationRun;
import io.github.steelyard.passes.ResidentMemory;
import io.github.steelyard.report.ChromeTrace;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.PhaseTotals;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.SimulatedTime;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Measures the speed and memory of a calibration over random tokens, under its conditions: state on disk, every site
/// watched. The machine's peaks are measured in the same process, before and after.
public final class BenchmarkJob {

    private static final long SEED = 1;
    private static final int WARM_UP_TOKENS = 64;
    private static final HeadConsumer IGNORE = (sequence, logits, tokens, from, count) -> {};

    private final BenchmarkRequest request;
    private final JobListener listener;
    private final Kernels kernels;
    private final Gemm gemm;

    private BenchmarkJob(BenchmarkRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
        this.kernels = request.compute().arithmetic();
        this.gemm = request.compute().product();
    }

    /// Measures.
    ///
    /// @throws io.github.steelyard.job.RequestException if there is no such arithmetic
    /// @throws io.github.steelyard.job.ResourceException if memory does not suffice
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws io.github.steelyard.files.OutputException if the trace's file would replace an input
    /// @throws StorageException if something cannot be written
    public static BenchmarkResult run(BenchmarkRequest request, JobListener listener) {
        request.profile().ifPresent(profile -> {
            OutputPaths.requireApart(profile, List.of(request.checkpoint()));
            AtomicFiles.requireReplaceable(profile);
        });
        return new BenchmarkJob(request, listener).run();
    }

    private BenchmarkResult run() {
        try (Checkpoint source = Checkpoint.open(request.checkpoint());
                ResidentMemory memory = new ResidentMemory()) {
            Decoder decoder = Families.of(source);
            MemoryPlan plan = new MemoryPlan(
                    decoder,
                    request.sequenceLength(),
                    request.tokens(),
                    source.tensors().size(),
                    request.head() ? MemoryPlan.Purpose.CALIBRATION_WITH_HEAD : MemoryPlan.Purpose.CALIBRATION);
            request.simulatedThreads()
                    .forEach(count -> request.compute().withThreads(count).requireMemory(plan));
            int threads = request.compute().threadsWithin(plan, listener);
            return measure(source, decoder, threads, memory);
        }
    }

    private BenchmarkResult measure(Checkpoint source, Decoder decoder, int threads, ResidentMemory memory) {
        Path state = temporaryDirectory();
        ExpertBackend experts = ForwardPass.experts(source, decoder, Optional.empty(), true);
        Function<Sequences, ForwardPass> pass = sequences -> new ForwardPass(
                new CheckpointWeights(source),
                decoder,
                sequences,
                kernels,
                gemm,
                experts,
                request.allTokens() ? ShownTokens.ALL : ShownTokens.NONE,
                threads);
        ForwardPass warmUp = pass.apply(sequences(decoder, threads, WARM_UP_TOKENS));
        ForwardPass timed = pass.apply(sequences(decoder, request.sequences(), request.sequenceLength()));
        Peak before = Compute.peak(gemm, threads);
        Bf16Peak bf16Before = Compute.bf16Peak(threads);
        listener.note("warm-up");
        time(warmUp, true, state, EngineListener.NONE, Profile.NONE);
        @Nullable Measured on = null;
        @Nullable Measured off = null;
        for (int round = 0; round < request.rounds(); round++) {
            EngineListener progress = listener.passBegins("without taps", request.tokens());
            off = faster(off, time(timed, false, state, progress, Profile.NONE));
            on = faster(on, tapped(timed, state, round == request.rounds() - 1));
        }
        List<BenchmarkResult.Simulated> simulated = request.simulatedThreads().stream()
                .map(count -> simulate(timed, count, state))
                .toList();
        Peak after = Compute.peak(gemm, threads);
        Bf16Peak bf16After = Compute.bf16Peak(threads);
        Bf16Peak bf16 = bf16After.third() > bf16Before.third() ? bf16After : bf16Before;
        return result(
                Objects.requireNonNull(on),
                Objects.requireNonNull(off),
                before,
                after,
                bf16,
                simulated,
                threads,
                memory);
    }

    private static Sequences sequences(Decoder decoder, int count, int length) {
        SplittableRandom random = new SplittableRandom(SEED);
        List<int[]> ids = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ids.add(random.ints(length, 0, decoder.vocabulary()).toArray());
        }
        return new Sequences(ids);
    }

    private Measured tapped(ForwardPass pass, Path state, boolean last) {
        EngineListener progress = listener.passBegins("with taps", request.tokens());
        if (request.profile().isEmpty() || !last) {
            return time(pass, true, state, progress, Profile.NONE);
        }
        try (ChromeTrace trace = new ChromeTrace(request.profile().get())) {
            return time(pass, true, state, progress, trace);
        }
    }

    /// One timed pass.
    ///
    /// @param seconds wall-clock time
    /// @param totals what its phases took, over all workers
    private record Measured(double seconds, PhaseTotals totals) {}

    private Measured time(ForwardPass pass, boolean taps, Path state, EngineListener progress, Profile trace) {
        PhaseTotals totals = new PhaseTotals();
        AtomicLong end = new AtomicLong();
        long start = totals.now();
        rehearse(pass, taps, state, progress, both(totals, trace), Monitor.ofThreads(), () -> end.set(totals.now()));
        return new Measured((end.get() - start) * 1e-9, totals);
    }

    /// Runs a pass.
    ///
    /// @param end hears that it is over, all but the statistics being written
    private void rehearse(
            ForwardPass pass,
            boolean taps,
            Path state,
            EngineListener progress,
            Profile profile,
            Monitor monitor,
            Runnable end) {
        new CalibrationRun(pass.decoder(), pass.sequences(), pass.shown(), kernels, (round, tap, store, rows) -> {
                    pass.run(
                            taps ? tap : Tap.NONE,
                            store,
                            rows,
                            profile,
                            progress,
                            request.head() ? Optional.of(IGNORE) : Optional.empty(),
                            monitor);
                    end.run();
                })
                .rehearse(state);
    }

    /// Runs a pass of so many workers, one of them at a time, each of which is charged its processor time.
    private BenchmarkResult.Simulated simulate(ForwardPass pass, int threads, Path state) {
        EngineListener progress =
                listener.passBegins(String.format(Locale.ROOT, "%d simulated workers", threads), request.tokens());
        SimulatedTime time = new SimulatedTime(threads, processorTime());
        rehearse(pass.withThreads(threads), true, state, progress, Profile.NONE, time, () -> {});
        return new BenchmarkResult.Simulated(
                threads,
                time.now(),
                request.tokens() / time.now(),
                time.spent() / (threads * time.now()),
                time.alone());
    }

    /// Returns a clock that others who use the processor do not put forward, where the JVM has one.
    private static LongSupplier processorTime() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        return threads.isCurrentThreadCpuTimeSupported() ? threads::getCurrentThreadCpuTime : new PhaseTotals()::now;
    }

    private static Profile both(Profile totals, Profile trace) {
        return (phase, lane, start, flops, bytes) -> {
            totals.add(phase, lane, start, flops, bytes);
            trace.add(phase, lane, start, flops, bytes);
        };
    }

    private static Measured faster(@Nullable Measured one, Measured other) {
        return one == null || other.seconds() < one.seconds() ? other : one;
    }

    private BenchmarkResult result(
            Measured on,
            Measured off,
            Peak before,
            Peak after,
            Bf16Peak bf16,
            List<BenchmarkResult.Simulated> simulated,
            int threads,
            ResidentMemory memory) {
        double fmaPeak = 1e-9
                * Math.max(
                        before.fmaAllThreads().orElse(0), after.fmaAllThreads().orElse(0));
        double gemmPeak = 1e-9 * Math.max(before.gemmAllThreads(), after.gemmAllThreads());
        double gflops = on.totals().flops() * 1e-9;
        double rate = gflops / on.seconds();
        return new BenchmarkResult(
                request.tokens() / on.seconds(),
                rate,
                rate / fmaPeak,
                rate / gemmPeak,
                on.seconds() / off.seconds() - 1,
                memory.peakBytes(),
                on.seconds(),
                off.seconds(),
                request.tokens(),
                gflops,
                fmaPeak,
                gemmPeak,
                1e-9 * bf16.third(),
                bf16.kernel(),
                threads,
                kernels.name(),
                gemm.name(),
                gemm.reason(),
                gemm.remarks(),
                simulated,
                phases(on.totals()));
    }

    private static Map<String, BenchmarkResult.Phase> phases(PhaseTotals totals) {
        double all = totals.totals().values().stream()
                .mapToDouble(PhaseTotals.Total::seconds)
                .sum();
        Map<String, BenchmarkResult.Phase> phases = new TreeMap<>();
        totals.totals()
                .forEach((phase, total) -> phases.put(
                        phase.name().toLowerCase(Locale.ROOT),
                        new BenchmarkResult.Phase(
                                total.seconds(),
                                total.seconds() / all,
                                total.flops() * 1e-9 / total.seconds(),
                                total.bytes() * 1e-9 / total.seconds())));
        return phases;
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
