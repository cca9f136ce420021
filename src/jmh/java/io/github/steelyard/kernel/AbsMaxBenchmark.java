package io.github.steelyard.kernel;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// Time per value of the statistics that taps compute, on 32 rows of 2048 values, which fit the cache.
///
/// Command as in [GemmBenchmark], with `AbsMaxBenchmark`.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(AbsMaxBenchmark.VALUES)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class AbsMaxBenchmark {

    static final int ROWS = 32;
    static final int COLUMNS = 2048;
    static final int VALUES = ROWS * COLUMNS;

    @Param({"reference", "fastest"})
    public String path = "";

    private final float[] x = new float[VALUES];
    private final float[] amax = new float[COLUMNS];
    private Kernels kernels = Kernels.reference();

    @Setup
    public void fill() {
        kernels = path.equals("reference") ? Kernels.reference() : Kernels.fastest();
        for (int i = 0; i < VALUES; i++) {
            x[i] = (float) Math.sin(i);
        }
        x[VALUES / 3] = -7;
        if (absMax() != 7) {
            throw new IllegalStateException("the largest value was not found");
        }
    }

    @Benchmark
    public float absMax() {
        return kernels.absMax(x, 0, VALUES);
    }

    @Benchmark
    public float[] absMaxColumns() {
        kernels.absMaxColumns(x, 0, ROWS, COLUMNS, amax, 0);
        return amax;
    }

    @Benchmark
    public long countNonFinite() {
        return kernels.countNonFinite(x, 0, VALUES);
    }
}
