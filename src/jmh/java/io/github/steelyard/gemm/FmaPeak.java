package io.github.steelyard.gemm;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// The machine's limit: fused multiply-adds in registers. `flops` counts operations per second over all threads.
///
/// Command as in [GemmBenchmark], with `FmaPeak`.
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class FmaPeak {

    private static final int ITERATIONS = 100_000;

    /// Counts the operations of one thread.
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Flops {
        public double flops;
    }

    @Benchmark
    public float loop(Flops flops) {
        flops.flops += VectorPeak.flops(ITERATIONS);
        return VectorPeak.run(ITERATIONS);
    }
}
