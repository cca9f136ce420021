package io.github.steelyard.kernel;

import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.RowSelection;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Decodes stored weights lane by lane, to the bits of [StoredWeight#decodeRows]; formats without a SIMD form go there.
///
/// A small float is moved into the exponent and mantissa fields of a float32 and multiplied by the power of two between
/// the two biases, which is exact and turns its subnormals into normal numbers. E2M1 is looked up.
final class VectorDecode {

    // Eight lanes everywhere: 8 bytes hold 16 E2M1 codes, a block of NVFP4.
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_128;
    private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_64;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_256;
    private static final int LANES = 8;
    private static final int SELECTED_ROWS = 32;
    private static final int WIDEST_STEP = 4;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final LongVector LOW_BYTES = LongVector.fromArray(LONGS, new long[] {0, 8, 16, 24}, 0);
    private static final LongVector HIGH_BYTES = LongVector.fromArray(LONGS, new long[] {32, 40, 48, 56}, 0);
    private static final IntVector E2M1_MAGNITUDES = FloatVector.fromArray(
                    SPECIES, new float[] {0, 0.5f, 1, 1.5f, 2, 3, 4, 6}, 0)
            .reinterpretAsInts();

    private VectorDecode() {}

    static void decode(StoredWeight weight, int fromRow, int toRow, float[] target, int offset) {
        Objects.checkFromToIndex(fromRow, toRow, weight.rows());
        Objects.checkFromIndexSize((long) offset, (long) (toRow - fromRow) * weight.columns(), target.length);
        switch (weight) {
            case PlainWeight plain -> {
                long first = (long) fromRow * plain.columns();
                elements(plain.elements(), plain.dtype(), first, (toRow - fromRow) * plain.columns(), target, offset);
            }
            case Fp8Weight fp8 -> fp8(fp8, fromRow, toRow, target, offset);
            case Nvfp4Weight nvfp4 -> nvfp4(nvfp4, fromRow, toRow, target, offset);
            case MxWeight mx -> mx(mx, fromRow, toRow, target, offset);
            case TransposedWeight plain -> VectorDecodeTransposed.decode(plain, fromRow, toRow, target, offset);
            case TransposedNvfp4Weight nvfp4 -> VectorDecodeTransposed.decode(nvfp4, fromRow, toRow, target, offset);
            case RowSelection selection -> selection(selection, fromRow, toRow, target, offset);
            default -> weight.decodeRows(fromRow, toRow, target, offset);
        }
    }

    // The rows between the selected ones are decoded too: a source that is stored transposed reads them anyway.
    private static void selection(RowSelection selection, int fromRow, int toRow, float[] target, int offset) {
        int columns = selection.columns();
        int step = selection.step();
        int first = selection.firstRow() + fromRow * step;
        if (step == 1) {
            decode(selection.source(), first, first + toRow - fromRow, target, offset);
            return;
        }
        if (step > WIDEST_STEP) {
            for (int row = fromRow; row < toRow; row++) {
                int source = selection.firstRow() + row * step;
                decode(selection.source(), source, source + 1, target, offset + (row - fromRow) * columns);
            }
            return;
        }
        float[] block = new float[Math.multiplyExact(SELECTED_ROWS * step, columns)];
        for (int row = fromRow; row < toRow; row += SELECTED_ROWS) {
            int count = Math.min(SELECTED_ROWS, toRow - row);
            int source = selection.firstRow() + row * step;
            decode(selection.source(), source, source + (count - 1) * step + 1, block, 0);
            for (int i = 0; i < count; i++) {
                System.arraycopy(block, i * step * columns, target, offset + (row - fromRow + i) * columns, columns);
            }
        }
    }

    private static void fp8(Fp8Weight weight, int fromRow, int toRow, float[] target, int offset) {
        int columns = weight.columns();
        for (int row = fromRow; row < toRow; row++) {
            int at = offset + (row - fromRow) * columns;
            elements(weight.codes(), weight.dtype(), (long) row * columns, columns, target, at);
            int end = 0;
            for (int start = 0; start < columns; start = end) {
                end = start + Math.min(columns - start, weight.blockColumns());
                scale(weight.scaleAt(row, start), target, at + start, end - start);
            }
        }
    }

    private static void nvfp4(Nvfp4Weight weight, int fromRow, int toRow, float[] target, int offset) {
        int blocks = weight.columns() / Nvfp4Weight.BLOCK;
        MemorySegment codes = weight.codes();
        MemorySegment scales = weight.blockScales();
        long first = (long) fromRow * blocks;
        for (int block = 0; block < (toRow - fromRow) * blocks; block++) {
            float scale = E4m3.decode(scales.get(ValueLayout.JAVA_BYTE, first + block)) * weight.globalScale();
            sixteenE2m1(
                    codes.get(LONG, (first + block) * Long.BYTES), scale, target, offset + block * Nvfp4Weight.BLOCK);
        }
    }

    private static void mx(MxWeight weight, int fromRow, int toRow, float[] target, int offset) {
        int blocks = weight.columns() / MxWeight.BLOCK;
        long first = (long) fromRow * blocks;
        int count = (toRow - fromRow) * blocks;
        MemorySegment codes = weight.codes();
        MemorySegment scales = weight.scales();
        switch (weight.element()) {
            case E2M1 -> {
                for (int block = 0; block < count; block++) {
                    int at = offset + block * MxWeight.BLOCK;
                    float scale = E8m0.decode(scales.get(ValueLayout.JAVA_BYTE, first + block));
                    long from = (first + block) * (MxWeight.BLOCK / 2);
                    sixteenE2m1(codes.get(LONG, from), scale, target, at);
                    sixteenE2m1(codes.get(LONG, from + Long.BYTES), scale, target, at + 2 * LANES);
                }
            }
            case E4M3 -> {
                elements(codes, DType.F8_E4M3, first * MxWeight.BLOCK, count * MxWeight.BLOCK, target, offset);
                for (int block = 0; block < count; block++) {
                    float scale = E8m0.decode(scales.get(ValueLayout.JAVA_BYTE, first + block));
                    scale(scale, target, offset + block * MxWeight.BLOCK, MxWeight.BLOCK);
                }
            }
        }
    }

    private static void sixteenE2m1(long codes, float scale, float[] target, int offset) {
        LongVector all = LongVector.broadcast(LONGS, codes);
        e2m1(all.lanewise(VectorOperators.LSHR, LOW_BYTES)).mul(scale).intoArray(target, offset);
        e2m1(all.lanewise(VectorOperators.LSHR, HIGH_BYTES)).mul(scale).intoArray(target, offset + LANES);
    }

    // Each long lane: one byte, whose nibbles become the lane's two ints. Adding zero turns the -0 of code 8 into +0.
    private static FloatVector e2m1(LongVector bytes) {
        LongVector even = bytes.and(0xf);
        LongVector odd = bytes.and(0xf0).lanewise(VectorOperators.LSHL, 28);
        IntVector codes = even.or(odd).reinterpretAsInts();
        IntVector sign = codes.and(8).lanewise(VectorOperators.LSHL, 28);
        return codes.and(7)
                .selectFrom(E2M1_MAGNITUDES)
                .or(sign)
                .reinterpretAsFloats()
                .add(0);
    }

    static void elements(MemorySegment source, DType dtype, long first, int count, float[] target, int offset) {
        switch (dtype) {
            case F32 ->
                MemorySegment.copy(
                        source,
                        ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
                        first * Float.BYTES,
                        target,
                        offset,
                        count);
            case BF16 -> bf16(source, first * Short.BYTES, count, target, offset);
            case F16 -> fp16(source, first * Short.BYTES, count, target, offset);
            case F8_E4M3 -> e4m3(source, first, count, target, offset);
            case F8_E5M2 -> e5m2(source, first, count, target, offset);
            default -> throw new IllegalArgumentException("no decoder for elements of type %s".formatted(dtype));
        }
    }

    private static void bf16(MemorySegment source, long from, int count, float[] target, int offset) {
        for (int i = 0; i < count; i += LANES) {
            IntVector codes = shorts(source, from + 2L * i, count - i);
            FloatVector values = codes.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            store(values, target, offset + i, count - i);
        }
    }

    private static void fp16(MemorySegment source, long from, int count, float[] target, int offset) {
        for (int i = 0; i < count; i += LANES) {
            IntVector codes = shorts(source, from + 2L * i, count - i);
            store(halfFloat(codes), target, offset + i, count - i);
        }
    }

    private static void e5m2(MemorySegment source, long from, int count, float[] target, int offset) {
        for (int i = 0; i < count; i += LANES) {
            IntVector codes = bytes(source, from + i, count - i).lanewise(VectorOperators.LSHL, 8);
            store(halfFloat(codes), target, offset + i, count - i);
        }
    }

    // Bias 15: an exponent field of all ones is infinity or NaN.
    private static FloatVector halfFloat(IntVector codes) {
        IntVector moved = codes.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
        FloatVector values = moved.reinterpretAsFloats().mul(0x1p112f);
        FloatVector specials = moved.or(0x7f80_0000).reinterpretAsFloats();
        FloatVector magnitudes = values.blend(
                specials, moved.compare(VectorOperators.GE, 0x7c00 << 13).cast(SPECIES));
        return withSign(magnitudes, codes.and(0x8000).lanewise(VectorOperators.LSHL, 16));
    }

    // Bias 7: only the code of all ones is NaN, there is no infinity.
    private static void e4m3(MemorySegment source, long from, int count, float[] target, int offset) {
        for (int i = 0; i < count; i += LANES) {
            IntVector codes = bytes(source, from + i, count - i);
            IntVector moved = codes.and(0x7f).lanewise(VectorOperators.LSHL, 20);
            FloatVector values = moved.reinterpretAsFloats().mul(0x1p120f);
            FloatVector magnitudes = values.blend(
                    Float.NaN, moved.compare(VectorOperators.EQ, 0x7f << 20).cast(SPECIES));
            IntVector sign = codes.and(0x80).lanewise(VectorOperators.LSHL, 24);
            store(withSign(magnitudes, sign), target, offset + i, count - i);
        }
    }

    private static FloatVector withSign(FloatVector magnitudes, IntVector sign) {
        return magnitudes.reinterpretAsInts().or(sign).reinterpretAsFloats();
    }

    private static IntVector shorts(MemorySegment source, long at, int left) {
        ShortVector codes = left >= LANES
                ? ShortVector.fromMemorySegment(SHORTS, source, at, ByteOrder.LITTLE_ENDIAN)
                : ShortVector.fromMemorySegment(
                        SHORTS, source, at, ByteOrder.LITTLE_ENDIAN, SHORTS.indexInRange(0, left));
        return (IntVector) codes.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
    }

    private static IntVector bytes(MemorySegment source, long at, int left) {
        ByteVector codes = left >= LANES
                ? ByteVector.fromMemorySegment(BYTES, source, at, ByteOrder.LITTLE_ENDIAN)
                : ByteVector.fromMemorySegment(BYTES, source, at, ByteOrder.LITTLE_ENDIAN, BYTES.indexInRange(0, left));
        return (IntVector) codes.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
    }

    private static void store(FloatVector values, float[] target, int at, int left) {
        if (left >= LANES) {
            values.intoArray(target, at);
        } else {
            values.intoArray(target, at, SPECIES.indexInRange(0, left));
        }
    }

    static void scale(float scale, float[] x, int offset, int count) {
        int bound = SPECIES.loopBound(count);
        for (int i = offset; i < offset + bound; i += LANES) {
            FloatVector.fromArray(SPECIES, x, i).mul(scale).intoArray(x, i);
        }
        for (int i = offset + bound; i < offset + count; i++) {
            x[i] *= scale;
        }
    }
}
