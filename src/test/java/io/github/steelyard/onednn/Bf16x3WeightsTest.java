package io.github.steelyard.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.IntWeight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.Values;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.Workspace;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Which stored weights become bf16 values with scales outside, and that they mean the same.
final class Bf16x3WeightsTest {

    private static final int M = 21;
    private static final int N = 200;
    private static final int K = 416;

    private final Workspace workspace = new Workspace();
    private final Gemm gemm = Gemm.select("onednn-bf16x3");

    @BeforeEach
    void requireLibrary() {
        Assumptions.assumeTrue(gemm.name().startsWith("onednn-bf16x3-"), gemm.reason());
    }

    @Test
    void plainAndMx_areTakenAsTheyAre() {
        narrow(new PlainWeight(bf16(1, N * K), DType.BF16, N, K), 0);
        narrow(TransposedWeight.plain(bf16(2, N * K), DType.BF16, N, K), 0);
        narrow(MxWeight.mxfp4(bytes(3, N * K / 2, 256), bytes(4, N * K / 32, 40), N, K), 0);
        narrow(MxWeight.mxfp8(bytes(5, N * K, 0x7f), bytes(6, N * K / 32, 40), N, K), 0);
    }

    @Test
    void fp8_hasItsScalesOutside() {
        for (DType dtype : new DType[] {DType.F8_E4M3, DType.F8_E5M2}) {
            MemorySegment codes = bytes(7, N * K, dtype == DType.F8_E4M3 ? 0x7f : 0x7c);
            narrow(Fp8Weight.perTensor(codes, dtype, N, K, 0.37f), N);
            narrow(Fp8Weight.perChannel(codes, dtype, N, K, scales(N, 1)), N);
            // Four blocks of 128 columns, the last one of 32; the last one of rows has 72.
            narrow(Fp8Weight.blocks(codes, dtype, N, K, scales(2, 4)), 4 * N);
            narrow(new TransposedWeight(codes, dtype, N, K, -0.11f), N);
        }
    }

    @Test
    void fp8Blocks_ofAnOddWidth_areTakenToo() {
        int k = 300;
        narrow(Fp8Weight.blocks(bytes(8, N * k, 0x7f), DType.F8_E4M3, N, k, scales(2, 3)), 3 * N);
    }

    @Test
    void nvfp4_hasItsGlobalScaleOutside() {
        MemorySegment codes = bytes(9, N * K / 2, 256);
        MemorySegment blocks = bytes(10, N * K / 16, 0x7f);
        narrow(new Nvfp4Weight(codes, blocks, N, K, 0.013f), N);
        narrow(new TransposedNvfp4Weight(codes, blocks, N, K, 0.013f), N);
        narrow(new Nvfp4Weight(codes, blocks, N, K, 1), 0);
    }

    @Test
    void stacksAndSelections_keepTheirOwnScales() {
        MemorySegment codes = bytes(11, N * K, 0x7f);
        StoredWeight first = Fp8Weight.perTensor(codes, DType.F8_E4M3, N, K, 0.5f);
        StoredWeight second = Fp8Weight.blocks(codes, DType.F8_E4M3, N, K, scales(2, 4));
        StoredWeight third = new PlainWeight(bf16(12, N * K), DType.BF16, N, K);
        narrow(List.of(first, second, third), 4 * 3 * N);
        narrow(List.of(first, third), 2 * N);
        narrow(second.everySecondRow(1), 4 * N / 2);
        narrow(second.rowRange(3, 190), 4 * 187);
        narrow(second.rowRange(128, 200), 4 * 72);
    }

    // The slices of a weight in blocks of columns begin and end within blocks.
    @Test
    void slicesOfBlocks_areWithinTheBound() {
        StoredWeight weight = Fp8Weight.blocks(bytes(13, N * K, 0x7f), DType.F8_E4M3, N, K, scales(2, 4));
        PackedWeight packed = packed(List.of(weight));
        for (int[] columns : new int[][] {{0, 128}, {5, 130}, {127, 128}, {128, 416}, {131, 415}, {33, 64}}) {
            int k = columns[1] - columns[0];
            Matrix a = Matrix.dense(Values.normal(14, M * k), M, k);
            Matrix c = Matrix.dense(new float[M * 136], M, 136);
            gemm.multiplyPacked(a, packed.slice(64, 200, columns[0], columns[1]), Update.SET, c, workspace);
            check(List.of(weight), a, 64, columns[0], c);
        }
    }

    @Test
    void otherWeights_areLeftToFloat32AndCounted() {
        MemorySegment subnormal = bf16(15, N * K);
        subnormal.setAtIndex(ValueLayout.JAVA_SHORT, 100 * K, (short) 0x8001);
        float32(new PlainWeight(subnormal, DType.BF16, N, K), "BF16, subnormal values");
        MemorySegment infinite = bf16(16, N * K);
        infinite.setAtIndex(ValueLayout.JAVA_SHORT, 7, (short) 0x7f80);
        float32(new PlainWeight(infinite, DType.BF16, N, K), "BF16, infinities or NaN");
        float32(PlainWeight.ofFloats(Values.normal(17, N * K), N, K), "F32, values of more bits than bf16");
        MemorySegment codes = bytes(18, N * K, 0x7f);
        float32(Fp8Weight.perTensor(codes, DType.F8_E4M3, N, K, 1e-30f), "FP8 tensor, a scale far from 1");
        float32(Fp8Weight.perTensor(codes, DType.F8_E4M3, N, K, Float.NaN), "FP8 tensor, a scale far from 1");
        float32(
                new Fp8Weight(codes, DType.F8_E4M3, N, K, 100, 104, scales(2, 4)),
                "FP8 block, blocks of other extents");
        MemorySegment nan = bytes(19, N * K / 32, 40);
        nan.set(ValueLayout.JAVA_BYTE, 99, (byte) 255);
        float32(MxWeight.mxfp8(codes, nan, N, K), "MXFP8, infinities or NaN");
        float32(
                new IntWeight(bytes(20, N * K / 2, 256), 4, N, K, 32, scales(N, K / 32), Optional.empty()),
                "INT4, values of more bits than bf16");
    }

    @Test
    void weightsLeftToFloat32_giveItsBits() {
        StoredWeight weight = PlainWeight.ofFloats(Values.normal(21, N * K), N, K);
        Matrix a = Matrix.dense(Values.normal(22, M * K), M, K);
        Matrix found = Matrix.dense(new float[M * N], M, N);
        gemm.multiplyPacked(a, packed(List.of(weight)).all(), Update.SET, found, workspace);
        Gemm float32 = Gemm.select("onednn");
        PackedWeight packed = new PackedWeight();
        float32.pack(List.of(weight), Kernels.fastest(), RowListener.NONE, packed, workspace);
        Matrix wanted = Matrix.dense(new float[M * N], M, N);
        float32.multiplyPacked(a, packed.all(), Update.SET, wanted, workspace);
        assertThat(found.values()).isEqualTo(wanted.values());
    }

    @Test
    void listener_seesValuesWithTheirScales() {
        MemorySegment codes = bytes(23, N * K, 0x7f);
        StoredWeight weight = Fp8Weight.perChannel(codes, DType.F8_E4M3, N, K, scales(N, 1));
        float[] wanted = new float[N * K];
        weight.decodeRows(0, N, wanted, 0);
        List<Float> seen = new ArrayList<>();
        gemm.pack(
                List.of(weight),
                Kernels.fastest(),
                (index, rows) -> {
                    for (int i = 0; i < rows.rows() * K; i++) {
                        seen.add(rows.values()[rows.offset() + i]);
                    }
                },
                new PackedWeight(),
                workspace);
        assertThat(seen).hasSize(N * K);
        for (int i = 0; i < N * K; i++) {
            assertThat(seen.get(i)).isEqualTo(wanted[i]);
        }
    }

    private void narrow(StoredWeight weight, int scales) {
        narrow(List.of(weight), scales);
    }

    private void narrow(List<StoredWeight> weights, int scales) {
        int rows = weights.stream().mapToInt(StoredWeight::rows).sum();
        int k = weights.getFirst().columns();
        PackedWeight packed = packed(weights);
        assertThat(gemm.remarks()).isEmpty();
        int wide = Math.ceilDiv(rows, 64) * 64;
        int deep = Math.ceilDiv(k, 32) * 32;
        assertThat(packed.bytes()).isEqualTo(2L * wide * deep + 4L * scales);
        Matrix a = Matrix.dense(Values.normal(24, M * k), M, k);
        Matrix c = Matrix.dense(new float[M * rows], M, rows);
        gemm.multiplyPacked(a, packed.all(), Update.SET, c, workspace);
        check(weights, a, 0, 0, c);
    }

    private void float32(StoredWeight weight, String reason) {
        Gemm own = Gemm.select("onednn-bf16x3");
        PackedWeight packed = new PackedWeight();
        own.pack(List.of(weight), Kernels.fastest(), RowListener.NONE, packed, workspace);
        assertThat(packed.bytes()).isEqualTo(4L * Math.ceilDiv(N, 64) * 64 * K);
        assertThat(own.remarks()).containsExactly("packed as float32, 1 times: " + reason);
    }

    private PackedWeight packed(List<StoredWeight> weights) {
        PackedWeight packed = new PackedWeight();
        gemm.pack(weights, Kernels.fastest(), RowListener.NONE, packed, workspace);
        return packed;
    }

    // Against float64 products of the decoded values, each of which was rounded once.
    private static void check(List<StoredWeight> weights, Matrix a, int firstRow, int firstColumn, Matrix c) {
        int rows = weights.stream().mapToInt(StoredWeight::rows).sum();
        int k = weights.getFirst().columns();
        float[] values = new float[rows * k];
        int at = 0;
        for (StoredWeight weight : weights) {
            weight.decodeRows(0, weight.rows(), values, at);
            at += weight.rows() * k;
        }
        for (int row = 0; row < a.rows(); row++) {
            for (int column = 0; column < c.columns(); column++) {
                double wanted = 0;
                double magnitude = 0;
                for (int i = 0; i < a.columns(); i++) {
                    double product =
                            (double) a.values()[a.at(row) + i] * values[(firstRow + column) * k + firstColumn + i];
                    wanted += product;
                    magnitude += Math.abs(product);
                }
                double bound = (8 + 2 * Math.sqrt(k)) * 0x1p-24 * magnitude;
                assertThat(Math.abs(c.values()[c.at(row) + column] - wanted))
                        .as("row %d, column %d", row, column)
                        .isLessThanOrEqualTo(bound);
            }
        }
    }

    private static PlainWeight scales(int rows, int columns) {
        float[] scales = Values.normal(rows, rows * columns);
        for (int i = 0; i < scales.length; i++) {
            scales[i] = 0.01f + Math.abs(scales[i]);
        }
        return PlainWeight.ofFloats(scales, rows, columns);
    }

    private static MemorySegment bf16(long seed, int count) {
        MemorySegment codes = Arena.ofAuto().allocate(2L * count);
        float[] values = Values.normal(seed, count);
        for (int i = 0; i < count; i++) {
            codes.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
        }
        return codes;
    }

    // Codes below `end`, so that none of FP8 is NaN; scales of MX about 2^-20 to 2^20.
    private static MemorySegment bytes(long seed, int count, int end) {
        SplittableRandom random = new SplittableRandom(seed);
        MemorySegment bytes = Arena.ofAuto().allocate(count);
        for (int i = 0; i < count; i++) {
            int value = random.nextInt(end);
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (end == 40 ? 107 + value : value));
        }
        return bytes;
    }
}
