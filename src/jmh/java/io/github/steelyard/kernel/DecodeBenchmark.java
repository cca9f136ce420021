package io.github.steelyard.kernel;

import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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
import org.openjdk.jmh.annotations.Warmup;

/// Time per value of decoding a weight, and of decoding and packing it.
///
/// Command as in [GemmBenchmark], with `DecodeBenchmark`.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(DecodeBenchmark.ROWS * DecodeBenchmark.COLUMNS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class DecodeBenchmark {

    static final int ROWS = 768;
    static final int COLUMNS = 2048;
    private static final int TILE_ROWS = 32;

    @Param({"F32", "F16", "BF16", "FP8", "FP8_BLOCK", "NVFP4", "MXFP4"})
    public String format = "";

    @Param({"onednn", "vector", "reference"})
    public String provider = "";

    private final float[] tile = new float[TILE_ROWS * COLUMNS];
    private final PackedWeight packed = new PackedWeight();
    private final Workspace workspace = new Workspace();
    private StoredWeight weight = PlainWeight.ofFloats(new float[0], 0, 0);
    private Kernels kernels = Kernels.reference();
    private Gemm gemm = Gemm.select("reference");

    @Setup
    public void fill() {
        gemm = Gemm.select(provider);
        kernels = provider.equals("reference") ? Kernels.reference() : Kernels.fastest();
        weight = weight();
        float[] wanted = new float[TILE_ROWS * COLUMNS];
        weight.decodeRows(0, TILE_ROWS, wanted, 0);
        kernels.decode(weight, 0, TILE_ROWS, tile, 0);
        if (!Arrays.equals(wanted, tile)) {
            throw new IllegalStateException("decoding differs from the specification");
        }
    }

    private StoredWeight weight() {
        int count = ROWS * COLUMNS;
        return switch (format) {
            case "F32" -> PlainWeight.ofFloats(new float[count], ROWS, COLUMNS);
            case "F16" -> new PlainWeight(bytes(2 * count), DType.F16, ROWS, COLUMNS);
            case "BF16" -> new PlainWeight(bytes(2 * count), DType.BF16, ROWS, COLUMNS);
            case "FP8" -> Fp8Weight.perTensor(bytes(count), DType.F8_E4M3, ROWS, COLUMNS, 0.01f);
            case "FP8_BLOCK" -> {
                int blocks = COLUMNS / Fp8Weight.BLOCK;
                float[] scales = new float[ROWS / Fp8Weight.BLOCK * blocks];
                Arrays.fill(scales, 0.01f);
                PlainWeight plain = PlainWeight.ofFloats(scales, ROWS / Fp8Weight.BLOCK, blocks);
                yield Fp8Weight.blocks(bytes(count), DType.F8_E4M3, ROWS, COLUMNS, plain);
            }
            case "NVFP4" -> new Nvfp4Weight(bytes(count / 2), bytes(count / 16), ROWS, COLUMNS, 0.01f);
            case "MXFP4" -> MxWeight.mxfp4(bytes(count / 2), bytes(count / 32), ROWS, COLUMNS);
            default -> throw new IllegalArgumentException(format);
        };
    }

    // Codes below 0x3f: no NaN and no infinity in any format.
    private static MemorySegment bytes(int count) {
        byte[] values = new byte[count];
        Random random = new Random(1);
        for (int i = 0; i < count; i++) {
            values[i] = (byte) random.nextInt(0x3f);
        }
        MemorySegment segment = Arena.ofAuto().allocate(count);
        segment.copyFrom(MemorySegment.ofArray(values));
        return segment;
    }

    @Benchmark
    public float[] decode() {
        for (int row = 0; row < ROWS; row += TILE_ROWS) {
            kernels.decode(weight, row, row + TILE_ROWS, tile, 0);
        }
        return tile;
    }

    @Benchmark
    public PackedWeight decodeAndPack() {
        gemm.pack(List.of(weight), kernels, RowListener.NONE, packed, workspace);
        return packed;
    }
}
