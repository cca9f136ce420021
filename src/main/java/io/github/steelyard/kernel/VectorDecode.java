package io.github.steelyard.kernel;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E5m2;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.EncodedWeight;
import io.github.steelyard.format.Fp16;
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
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Decodes stored weights lane by lane, to the bits of [StoredWeight#decodeRows]; formats without a SIMD form go there.
///
/// A small float is moved into the exponent and mantissa fields of a float32 and multiplied by the power of two between
/// the two biases, which is exact and turns its subnormals into normal numbers. E2M1 is looked up.
///
/// No method takes or returns a vector, see [VectorActivations].
final class VectorDecode {

    // Eight lanes everywhere: 8 bytes hold 16 E2M1 codes, a block of NVFP4.
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_128;
    private static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_64;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_256;
    private static final int LANES = 8;
    private static final int E2M1_AT_ONCE = 16;
    private static final int NAN_BITS = 0x7fc0_0000;
    private static final int SELECTED_ROWS = 32;
    private static final int WIDEST_STEP = 4;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
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
            case EncodedWeight encoded -> decode(encoded.values(), fromRow, toRow, target, offset);
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
        MemorySegment scales = weight.blockScales();
        float[] rowScales = new float[blocks];
        for (int row = fromRow; row < toRow; row++) {
            long first = (long) row * blocks;
            for (int block = 0; block < blocks; block++) {
                rowScales[block] = E4m3.decode(scales.get(ValueLayout.JAVA_BYTE, first + block)) * weight.globalScale();
            }
            int at = offset + (row - fromRow) * weight.columns();
            e2m1(weight.codes(), first * Long.BYTES, blocks, rowScales, 1, target, at);
        }
    }

    private static void mx(MxWeight weight, int fromRow, int toRow, float[] target, int offset) {
        int columns = weight.columns();
        int blocks = columns / MxWeight.BLOCK;
        MemorySegment scales = weight.scales();
        float[] rowScales = new float[blocks];
        for (int row = fromRow; row < toRow; row++) {
            for (int block = 0; block < blocks; block++) {
                rowScales[block] = E8m0.decode(scales.get(ValueLayout.JAVA_BYTE, (long) row * blocks + block));
            }
            int at = offset + (row - fromRow) * columns;
            switch (weight.element()) {
                case E2M1 -> {
                    int sixteens = MxWeight.BLOCK / E2M1_AT_ONCE;
                    e2m1(
                            weight.codes(),
                            (long) row * (columns / 2),
                            blocks * sixteens,
                            rowScales,
                            sixteens,
                            target,
                            at);
                }
                case E4M3 -> {
                    e4m3(weight.codes(), (long) row * columns, columns, target, at);
                    for (int block = 0; block < blocks; block++) {
                        scale(rowScales[block], target, at + block * MxWeight.BLOCK, MxWeight.BLOCK);
                    }
                }
            }
        }
    }

    // Eight bytes at a time become sixteen values under one scale. Each long lane takes one byte, whose nibbles become
    // the lane's two ints. Adding zero turns the -0 of code 8 into +0.
    private static void e2m1(
            MemorySegment codes, long from, int count, float[] scales, int countPerScale, float[] target, int offset) {
        for (int i = 0; i < count; i++) {
            float scale = scales[i / countPerScale];
            LongVector all = LongVector.broadcast(LONGS, codes.get(LONG, from + (long) i * Long.BYTES));
            LongVector low = all.lanewise(VectorOperators.LSHR, LOW_BYTES);
            LongVector high = all.lanewise(VectorOperators.LSHR, HIGH_BYTES);
            IntVector codes0 = low.and(0xf)
                    .or(low.and(0xf0).lanewise(VectorOperators.LSHL, 28))
                    .reinterpretAsInts();
            IntVector codes1 = high.and(0xf)
                    .or(high.and(0xf0).lanewise(VectorOperators.LSHL, 28))
                    .reinterpretAsInts();
            IntVector sign0 = codes0.and(8).lanewise(VectorOperators.LSHL, 28);
            IntVector sign1 = codes1.and(8).lanewise(VectorOperators.LSHL, 28);
            IntVector bits0 = codes0.and(7).selectFrom(E2M1_MAGNITUDES).or(sign0);
            IntVector bits1 = codes1.and(7).selectFrom(E2M1_MAGNITUDES).or(sign1);
            int at = offset + i * E2M1_AT_ONCE;
            bits0.reinterpretAsFloats().add(0).mul(scale).intoArray(target, at);
            bits1.reinterpretAsFloats().add(0).mul(scale).intoArray(target, at + LANES);
        }
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
            case BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E8M0, I16, U16, I32, U32, C64, F64, I64, U64 ->
                throw new IllegalArgumentException("no decoder for elements of type %s".formatted(dtype));
        }
    }

    private static void bf16(MemorySegment source, long from, int count, float[] target, int offset) {
        int bound = SPECIES.loopBound(count);
        for (int i = 0; i < bound; i += LANES) {
            IntVector codes =
                    (IntVector) ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ByteOrder.LITTLE_ENDIAN)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            codes.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(target, offset + i);
        }
        for (int i = bound; i < count; i++) {
            target[offset + i] = Bf16.decode(source.get(SHORT, from + 2L * i));
        }
    }

    // Bias 15: an exponent field of all ones is infinity or NaN.
    private static void fp16(MemorySegment source, long from, int count, float[] target, int offset) {
        int bound = SPECIES.loopBound(count);
        for (int i = 0; i < bound; i += LANES) {
            IntVector codes =
                    (IntVector) ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ByteOrder.LITTLE_ENDIAN)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            IntVector moved = codes.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
            IntVector values = moved.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
            VectorMask<Integer> special = moved.compare(VectorOperators.GE, 0x7c00 << 13);
            IntVector magnitudes = values.blend(moved.or(0x7f80_0000), special);
            IntVector sign = codes.and(0x8000).lanewise(VectorOperators.LSHL, 16);
            magnitudes.or(sign).reinterpretAsFloats().intoArray(target, offset + i);
        }
        for (int i = bound; i < count; i++) {
            target[offset + i] = Fp16.decode(source.get(SHORT, from + 2L * i));
        }
    }

    // The upper half of FP16.
    private static void e5m2(MemorySegment source, long from, int count, float[] target, int offset) {
        int bound = SPECIES.loopBound(count);
        for (int i = 0; i < bound; i += LANES) {
            IntVector codes = (IntVector) ByteVector.fromMemorySegment(BYTES, source, from + i, ByteOrder.LITTLE_ENDIAN)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector moved = codes.and(0x7f).lanewise(VectorOperators.LSHL, 21);
            IntVector values = moved.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
            VectorMask<Integer> special = moved.compare(VectorOperators.GE, 0x7c << 21);
            IntVector magnitudes = values.blend(moved.or(0x7f80_0000), special);
            IntVector sign = codes.and(0x80).lanewise(VectorOperators.LSHL, 24);
            magnitudes.or(sign).reinterpretAsFloats().intoArray(target, offset + i);
        }
        for (int i = bound; i < count; i++) {
            target[offset + i] = E5m2.decode(source.get(ValueLayout.JAVA_BYTE, from + i));
        }
    }

    // Bias 7: only the code of all ones is NaN, there is no infinity.
    private static void e4m3(MemorySegment source, long from, int count, float[] target, int offset) {
        int bound = SPECIES.loopBound(count);
        for (int i = 0; i < bound; i += LANES) {
            IntVector codes = (IntVector) ByteVector.fromMemorySegment(BYTES, source, from + i, ByteOrder.LITTLE_ENDIAN)
                    .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
            IntVector moved = codes.and(0x7f).lanewise(VectorOperators.LSHL, 20);
            IntVector values = moved.reinterpretAsFloats().mul(0x1p120f).reinterpretAsInts();
            IntVector magnitudes = values.blend(NAN_BITS, moved.compare(VectorOperators.EQ, 0x7f << 20));
            IntVector sign = codes.and(0x80).lanewise(VectorOperators.LSHL, 24);
            magnitudes.or(sign).reinterpretAsFloats().intoArray(target, offset + i);
        }
        for (int i = bound; i < count; i++) {
            target[offset + i] = E4m3.decode(source.get(ValueLayout.JAVA_BYTE, from + i));
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
