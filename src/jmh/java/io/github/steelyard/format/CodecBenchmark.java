package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
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
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// Time per value of encoding and decoding weights with the plain loops.
///
/// `java -cp target/test-classes:target/classes:… org.openjdk.jmh.Main CodecBenchmark`
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class CodecBenchmark {

    private static final int ROWS = 768;
    private static final int COLUMNS = 2048;
    private static final int VALUES = ROWS * COLUMNS;

    private final float[] weights = new float[VALUES];
    private final float[] decoded = new float[VALUES];
    private final byte[] codes = new byte[VALUES];
    private final byte[] packed = new byte[VALUES / 2];
    private final byte[] scales = new byte[VALUES / 16];
    private StoredWeight nvfp4 = PlainWeight.ofFloats(new float[0], 0, 0);
    private StoredWeight fp8 = nvfp4;
    private StoredWeight bf16 = nvfp4;

    @Setup
    public void fill() {
        Random random = new Random(1);
        for (int i = 0; i < VALUES; i++) {
            weights[i] = (float) random.nextGaussian();
        }
        encodeFp8();
        encodeNvfp4();
        nvfp4 = new Nvfp4Weight(
                MemorySegment.ofArray(packed), MemorySegment.ofArray(scales), ROWS, COLUMNS, Nvfp4.globalScale(5));
        fp8 = Fp8Weight.perTensor(MemorySegment.ofArray(codes.clone()), DType.F8_E4M3, ROWS, COLUMNS, Fp8.scale(5));
        bf16 = new PlainWeight(MemorySegment.ofArray(new byte[2 * VALUES]), DType.BF16, ROWS, COLUMNS);
        if (Math.abs(decodeNvfp4()[0] - weights[0]) > 0.5 || Arrays.equals(decodeFp8(), weights)) {
            throw new IllegalStateException("the codes do not hold the weights");
        }
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public byte[] encodeNvfp4() {
        Nvfp4.encodeRows(weights, 0, ROWS, COLUMNS, Nvfp4.globalScale(5), packed, 0, scales, 0);
        return packed;
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public byte[] encodeFp8() {
        Fp8.encode(weights, 0, VALUES, Fp8.scale(5), codes, 0);
        return codes;
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public float[] decodeNvfp4() {
        nvfp4.decodeRows(0, ROWS, decoded, 0);
        return decoded;
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public float[] decodeFp8() {
        fp8.decodeRows(0, ROWS, decoded, 0);
        return decoded;
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public float[] decodeBf16() {
        bf16.decodeRows(0, ROWS, decoded, 0);
        return decoded;
    }
}
