package io.github.steelyard.quant;

import io.github.steelyard.format.Format;
import java.util.Arrays;
import java.util.Random;
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

/// Time per value of fake quantization, which runs over every activation of an evaluation.
///
/// `java -cp target/test-classes:target/classes:… org.openjdk.jmh.Main FakeQuantizerBenchmark`
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class FakeQuantizerBenchmark {

    private static final int ROWS = 128;
    private static final int COLUMNS = 2048;
    private static final int VALUES = ROWS * COLUMNS;

    @Param({"FP8", "FP8_DYNAMIC_TOKEN", "FP8_BLOCK", "NVFP4", "MXFP4", "MXFP8"})
    private Format format = Format.FP8;

    private final float[] source = new float[VALUES];
    private final float[] values = new float[VALUES];
    private FakeQuantizer quantizer = FakeQuantizer.of(Format.FP8, 4);

    @Setup
    public void fill() {
        Random random = new Random(1);
        for (int i = 0; i < VALUES; i++) {
            source[i] = (float) random.nextGaussian();
        }
        quantizer = FakeQuantizer.of(format, 4);
        if (Arrays.equals(apply(), source)) {
            throw new IllegalStateException("nothing was quantised");
        }
    }

    /// Includes a copy of the input, a small part of the time.
    @Benchmark
    @OperationsPerInvocation(VALUES)
    public float[] apply() {
        System.arraycopy(source, 0, values, 0, VALUES);
        quantizer.apply(values, 0, ROWS, COLUMNS);
        return values;
    }
}
