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

/// Time per value of activations, norms and softmax, on rows of 2048 values.
///
/// Command as in [GemmBenchmark], with `ActivationBenchmark`.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(ActivationBenchmark.LENGTH)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class ActivationBenchmark {

    static final int LENGTH = 2048;

    @Param({"reference", "fastest"})
    public String path = "";

    private final float[] x = new float[LENGTH];
    private final float[] y = new float[LENGTH];
    private final float[] out = new float[LENGTH];
    private Kernels kernels = Kernels.reference();

    @Setup
    public void fill() {
        kernels = path.equals("reference") ? Kernels.reference() : Kernels.fastest();
        for (int i = 0; i < LENGTH; i++) {
            x[i] = 4 * (float) Math.sin(i);
            y[i] = (float) Math.cos(i);
        }
        if (Math.abs(siluMultiply()[5] - x[5] / (1 + Math.exp(-x[5])) * y[5]) > 1e-5) {
            throw new IllegalStateException("wrong activation: %s".formatted(out[5]));
        }
    }

    @Benchmark
    public float[] siluMultiply() {
        kernels.siluMultiply(x, 0, y, 0, out, 0, LENGTH);
        return out;
    }

    @Benchmark
    public float[] rmsNorm() {
        kernels.rmsNorm(x, 0, y, 0, 1e-6f, out, 0, LENGTH);
        return out;
    }

    @Benchmark
    public float[] softmax() {
        System.arraycopy(x, 0, out, 0, LENGTH);
        kernels.softmax(1, out, 0, LENGTH, Float.NEGATIVE_INFINITY);
        return out;
    }

    @Benchmark
    public float[] addScaled() {
        kernels.addScaled(1e-3f, x, 0, out, 0, LENGTH);
        return out;
    }
}
