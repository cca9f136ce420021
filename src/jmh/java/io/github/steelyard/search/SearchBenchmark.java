package io.github.steelyard.search;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.PartScales;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.kernel.Kernels;
import java.util.List;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/// Time per weight of the searches over weights alone, on one thread (`-t 2` for two).
///
/// `java -cp target/test-classes:target/classes:… org.openjdk.jmh.Main SearchBenchmark`
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Threads(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class SearchBenchmark {

    private static final int ROWS = 128;
    private static final int COLUMNS = 2048;
    private static final int VALUES = ROWS * COLUMNS;

    /// What is searched.
    public enum Search {
        LARGEST,
        SWEEP,
        SWEEP_OF_THE_PLAIN_LOOP,
        FOUR_OVER_SIX,
        GRID,
        FP8_ROWS,
        FP8_TENSOR,
        NVFP4_TENSOR
    }

    @Param
    private Search search = Search.SWEEP;

    private final float[] values = new float[VALUES];
    private final Multipliers grid = Multipliers.spaced(0.25, 4, 0.1);

    @Setup
    public void fill() {
        Random random = new Random(1);
        for (int i = 0; i < VALUES; i++) {
            values[i] = Bf16.decode(Bf16.encode((float) random.nextGaussian() / 50));
        }
        values[0] = 0.125f;
        byte[] codes = blocks(new BlockRule.Sweep()).of(values, 0, 1, COLUMNS);
        for (int block = 0; block < codes.length; block++) {
            float amax = ReferenceBlockSearch.amax(new BlockRule.Sweep(), scales(), values, 16 * block);
            if (codes[block] != (byte) scales().written(amax)) {
                throw new IllegalStateException("block " + block);
            }
        }
    }

    @Benchmark
    @OperationsPerInvocation(VALUES)
    public Object search() {
        return switch (search) {
            case LARGEST -> blocks(new BlockRule.Largest()).of(values, 0, ROWS, COLUMNS);
            case SWEEP -> blocks(new BlockRule.Sweep()).of(values, 0, ROWS, COLUMNS);
            case SWEEP_OF_THE_PLAIN_LOOP -> plain();
            case FOUR_OVER_SIX ->
                blocks(new BlockRule.Grid(Multipliers.spaced(1, 1.5, 0.5))).of(values, 0, ROWS, COLUMNS);
            case GRID -> blocks(new BlockRule.Grid(grid)).of(values, 0, ROWS, COLUMNS);
            case FP8_ROWS -> new Fp8Scales(grid, 0, Kernels.fastest()).of(values, 0, ROWS, COLUMNS);
            case FP8_TENSOR -> tensor(Format.FP8);
            case NVFP4_TENSOR -> tensor(Format.NVFP4);
        };
    }

    private float[] plain() {
        float[] amaxes = new float[VALUES / 16];
        for (int block = 0; block < amaxes.length; block++) {
            amaxes[block] = ReferenceBlockSearch.amax(new BlockRule.Sweep(), scales(), values, 16 * block);
        }
        return amaxes;
    }

    private float tensor(Format format) {
        return new TensorSearch(grid, Kernels.fastest())
                .amax(format, List.of(PlainWeight.ofFloats(values, ROWS, COLUMNS)), 0.125f);
    }

    private static PartScales blocks(BlockRule rule) {
        return new BlockSearch(rule, scales(), Kernels.fastest());
    }

    private static StaticScales scales() {
        return new StaticScales(0.125f, 448);
    }
}
