package io.github.steelyard.gemm;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// The matrix product on the shapes of bench-a and bench-b, with packed weights that rotate through 64 MiB.
///
/// ```text
/// java --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
///   -cp target/test-classes:target/classes:$(cat target/classpath) org.openjdk.jmh.Main GemmBenchmark -t 2
/// ```
///
/// `flops` counts operations per second over all threads. `target/classpath` is what
/// `mvn dependency:build-classpath -Dmdep.outputFile=target/classpath` writes.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class GemmBenchmark {

    private static final long POOL_FLOATS = 16 << 20;

    @Param({"onednn", "onednn-bf16x3", "vector"})
    public String provider = "";

    /// Output features x input features.
    @Param({"1024x1024", "1024x512", "1536x2048", "2048x768", "4096x2048"})
    public String weight = "";

    @Param({"16", "64", "256", "1024"})
    public int rows;

    private final List<PackedWeight> pool = new ArrayList<>();
    private Gemm gemm = Gemm.select("reference");
    private int n;
    private int k;

    /// Counts the operations of one thread.
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Flops {
        public double flops;
    }

    /// What one thread works on.
    @State(Scope.Thread)
    public static class Operands {
        private final Workspace workspace = new Workspace();
        private float[] a = {};
        private float[] c = {};
        private int next;

        @Setup
        public void allocate(GemmBenchmark benchmark) {
            a = new float[benchmark.rows * benchmark.k];
            Arrays.fill(a, 0.5f);
            c = new float[benchmark.rows * benchmark.n];
        }
    }

    @Setup
    public void pack() {
        String[] extents = weight.split("x", 2);
        n = Integer.parseInt(extents[0]);
        k = Integer.parseInt(extents[1]);
        gemm = Gemm.select(provider);
        float[] b = new float[n * k];
        Arrays.fill(b, 0.25f);
        Workspace workspace = new Workspace();
        for (long floats = 0; floats < POOL_FLOATS; floats += (long) n * k) {
            PackedWeight packed = new PackedWeight();
            gemm.pack(List.of(PlainWeight.ofFloats(b, n, k)), Kernels.fastest(), RowListener.NONE, packed, workspace);
            pool.add(packed);
        }
        float[] c = new float[n];
        gemm.multiplyPacked(Matrix.dense(b, 1, k), pool.getFirst().all(), Update.SET, Matrix.dense(c, 1, n), workspace);
        if (c[n - 1] != k / 16f) {
            throw new IllegalStateException("wrong product: %s".formatted(c[n - 1]));
        }
    }

    @Benchmark
    public float[] packed(Operands operands, Flops flops) {
        PackedWeight packed = pool.get(operands.next++ % pool.size());
        Matrix a = Matrix.dense(operands.a, rows, k);
        Matrix c = Matrix.dense(operands.c, rows, n);
        gemm.multiplyPacked(a, packed.all(), Update.SET, c, operands.workspace);
        flops.flops += 2.0 * rows * n * k;
        return operands.c;
    }
}
