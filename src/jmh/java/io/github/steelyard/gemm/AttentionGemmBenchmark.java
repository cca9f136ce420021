package io.github.steelyard.gemm;

import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
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

/// The two products of attention, 128 queries against 512 keys, with the second matrix packed each time and before.
/// Divide 8.4 million operations (width 64), or twice that (128), by the time.
///
/// Command as in [GemmBenchmark], with `AttentionGemmBenchmark`.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class AttentionGemmBenchmark {

    private static final int QUERIES = 128;
    private static final int KEYS = 512;

    @Param({"onednn", "vector"})
    public String provider = "";

    @Param({"64", "128"})
    public int width;

    private final Workspace workspace = new Workspace();
    private final PackedWeight packedKeys = new PackedWeight();
    private final PackedWeight packedValues = new PackedWeight();
    private final float[] scores = new float[QUERIES * KEYS];
    private float[] q = {};
    private float[] kv = {};
    private float[] out = {};
    private Gemm gemm = Gemm.select("reference");

    @Setup
    public void fill() {
        gemm = Gemm.select(provider);
        q = new float[QUERIES * width];
        kv = new float[KEYS * width];
        out = new float[QUERIES * width];
        Arrays.fill(q, 0.5f);
        Arrays.fill(kv, 0.25f);
        gemm.pack(Matrix.dense(kv, KEYS, width), packedKeys, workspace);
        gemm.packTransposed(Matrix.dense(kv, KEYS, width), packedValues, workspace);
        if (keys()[7] != width / 8f || keysPacked()[7] != width / 8f) {
            throw new IllegalStateException("wrong product: %s".formatted(scores[7]));
        }
    }

    @Benchmark
    public float[] keys() {
        gemm.multiplyTransposed(queries(), Matrix.dense(kv, KEYS, width), Update.SET, seen(), workspace);
        return scores;
    }

    @Benchmark
    public float[] keysPacked() {
        gemm.multiplyPacked(queries(), packedKeys.all(), Update.SET, seen(), workspace);
        return scores;
    }

    @Benchmark
    public float[] values() {
        gemm.multiply(seen(), Matrix.dense(kv, KEYS, width), Update.SET, Matrix.dense(out, QUERIES, width), workspace);
        return out;
    }

    @Benchmark
    public float[] valuesPacked() {
        gemm.multiplyPacked(seen(), packedValues.all(), Update.SET, Matrix.dense(out, QUERIES, width), workspace);
        return out;
    }

    private Matrix queries() {
        return Matrix.dense(q, QUERIES, width);
    }

    private Matrix seen() {
        return Matrix.dense(scores, QUERIES, KEYS);
    }
}
