package io.github.steelyard.kernel;

import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.RowSelection;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Decoding with SIMD against the plain loops of each format, on random bytes and on every code.
final class VectorDecodeTest {

    private static final int ROWS = 5;

    @Test
    void decode_plain_hasTheFormatsBits() {
        for (int columns : new int[] {1, 7, 8, 9, 64, 100}) {
            for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                check(new PlainWeight(bytes(ROWS * columns * dtype.bits() / 8), dtype, ROWS, columns));
            }
        }
    }

    @Test
    void decode_everySixteenBitCode_hasTheFormatsBits() {
        MemorySegment all = Arena.ofAuto().allocate(1 << 17);
        for (int code = 0; code < 1 << 16; code++) {
            all.setAtIndex(ValueLayout.JAVA_SHORT, code, (short) code);
        }
        check(new PlainWeight(all, DType.F16, 8, 1 << 13));
        check(new PlainWeight(all, DType.BF16, 8, 1 << 13));
    }

    @Test
    void decode_everyFp8Code_hasTheFormatsBits() {
        MemorySegment all = Arena.ofAuto().allocate(256);
        for (int code = 0; code < 256; code++) {
            all.setAtIndex(ValueLayout.JAVA_BYTE, code, (byte) code);
        }
        for (DType dtype : new DType[] {DType.F8_E4M3, DType.F8_E5M2}) {
            for (float scale : new float[] {1, 0.37f, 1e-38f, 1e35f}) {
                check(Fp8Weight.perTensor(all, dtype, 8, 32, scale));
            }
        }
    }

    @Test
    void decode_fp8Blocks_hasTheFormatsBits() {
        for (DType dtype : new DType[] {DType.F8_E4M3, DType.F8_E5M2}) {
            for (int columns : new int[] {3, 128, 300}) {
                MemorySegment codes = bytes(ROWS * columns);
                int blocks = Math.ceilDiv(columns, Fp8Weight.BLOCK);
                PlainWeight scales = PlainWeight.ofFloats(Values.normal(1, blocks), 1, blocks);
                check(Fp8Weight.blocks(codes, dtype, ROWS, columns, scales));
                PlainWeight rows = PlainWeight.ofFloats(Values.normal(2, ROWS), ROWS, 1);
                check(Fp8Weight.perChannel(codes, dtype, ROWS, columns, rows));
            }
        }
    }

    @Test
    void decode_fourBits_hasTheFormatsBits() {
        for (int columns : new int[] {32, 64, 416}) {
            check(new Nvfp4Weight(bytes(ROWS * columns / 2), bytes(ROWS * columns / 16), ROWS, columns, 0.013f));
            check(MxWeight.mxfp4(bytes(ROWS * columns / 2), bytes(ROWS * columns / 32), ROWS, columns));
            check(MxWeight.mxfp8(bytes(ROWS * columns), bytes(ROWS * columns / 32), ROWS, columns));
        }
    }

    @Test
    void decode_views_haveTheFormatsBits() {
        check(new RowSelection(new PlainWeight(bytes(11 * 64), DType.BF16, 11, 32), 1, 2, ROWS));
        check(new RowSelection(new PlainWeight(bytes(11 * 64), DType.BF16, 11, 32), 3, 1, ROWS));
        check(new RowSelection(new PlainWeight(bytes(11 * 64), DType.BF16, 11, 32), 0, 5, 3));
        for (int rows : new int[] {1, 7, 64, 150}) {
            check(TransposedWeight.plain(bytes(rows * 150), DType.BF16, rows, 75));
            check(new TransposedWeight(bytes(rows * 130), DType.F8_E4M3, rows, 130, 0.3f));
            check(new TransposedNvfp4Weight(bytes(rows * 40), bytes(rows * 5), rows, 80, 0.3f));
        }
        check(new RowSelection(TransposedWeight.plain(bytes(150 * 150), DType.BF16, 150, 75), 1, 2, 74));
        check(new RowSelection(new TransposedNvfp4Weight(bytes(400), bytes(50), 10, 80, 1), 0, 2, ROWS));
    }

    private static void check(StoredWeight weight) {
        for (int from = 0; from < weight.rows(); from += 2) {
            int count = (weight.rows() - from) * weight.columns();
            float[] wanted = new float[count];
            weight.decodeRows(from, weight.rows(), wanted, 0);
            float[] found = Values.at(3, new float[count]);
            Kernels.fastest().decode(weight, from, weight.rows(), found, 3);
            float[] values = Arrays.copyOfRange(found, 3, 3 + count);
            KernelsParityTest.assertBits(weight.formatName(), values, wanted);
        }
    }

    private static MemorySegment bytes(int count) {
        SplittableRandom random = new SplittableRandom(count);
        byte[] values = new byte[count];
        random.nextBytes(values);
        MemorySegment segment = Arena.ofAuto().allocate(count);
        segment.copyFrom(MemorySegment.ofArray(values));
        return segment;
    }
}
