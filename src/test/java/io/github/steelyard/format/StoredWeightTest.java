package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class StoredWeightTest {

    private static final int ROWS = 6;
    private static final int COLUMNS = 64;

    private static byte[] randomBytes(int count, int seed) {
        byte[] bytes = new byte[count];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static MemorySegment random(int count, int seed) {
        return MemorySegment.ofArray(randomBytes(count, seed));
    }

    /// Bytes without the codes of NaN, so that values compare.
    private static MemorySegment e4m3(int count, int seed) {
        byte[] bytes = randomBytes(count, seed);
        for (int i = 0; i < count; i++) {
            bytes[i] = (bytes[i] & 0x7f) == 0x7f ? 0x30 : bytes[i];
        }
        return MemorySegment.ofArray(bytes);
    }

    private static MemorySegment e8m0(int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (120 + i % 9);
        }
        return MemorySegment.ofArray(bytes);
    }

    static Stream<StoredWeight> weights() {
        int size = ROWS * COLUMNS;
        PlainWeight channel = PlainWeight.ofFloats(new float[] {1, 2, 3, 4, 5, 6}, ROWS, 1);
        PlainWeight block = PlainWeight.ofFloats(new float[] {0.5f}, 1, 1);
        PlainWeight tiles = PlainWeight.ofFloats(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3);
        StoredWeight nvfp4 = new Nvfp4Weight(random(size / 2, 3), e4m3(size / 16, 4), ROWS, COLUMNS, 0.1f);
        return Stream.of(
                PlainWeight.ofFloats(new float[size], ROWS, COLUMNS),
                new PlainWeight(random(size * 2, 1), DType.F16, ROWS, COLUMNS),
                new PlainWeight(random(size * 2, 2), DType.BF16, ROWS, COLUMNS),
                Fp8Weight.perTensor(e4m3(size, 5), DType.F8_E4M3, ROWS, COLUMNS, 0.3f),
                Fp8Weight.perTensor(random(size, 5), DType.F8_E5M2, ROWS, COLUMNS, 0.3f),
                Fp8Weight.perChannel(e4m3(size, 6), DType.F8_E4M3, ROWS, COLUMNS, channel),
                Fp8Weight.blocks(e4m3(size, 7), DType.F8_E4M3, ROWS, COLUMNS, block),
                new Fp8Weight(e4m3(size, 8), DType.F8_E4M3, ROWS, COLUMNS, 2, 27, tiles),
                nvfp4,
                MxWeight.mxfp4(random(size / 2, 9), e8m0(size / 32), ROWS, COLUMNS),
                MxWeight.mxfp8(e4m3(size, 10), e8m0(size / 32), ROWS, COLUMNS),
                TransposedWeight.plain(random(size * 2, 11), DType.BF16, ROWS, COLUMNS),
                new TransposedWeight(e4m3(size, 12), DType.F8_E4M3, ROWS, COLUMNS, 0.7f),
                new TransposedNvfp4Weight(random(size / 2, 13), e4m3(size / 16, 14), ROWS, COLUMNS, 0.1f),
                new RowSelection(nvfp4, 1, 2, 2));
    }

    private static float[] decoded(StoredWeight weight) {
        float[] values = new float[weight.rows() * weight.columns()];
        weight.decodeRows(0, weight.rows(), values, 0);
        return values;
    }

    private static float[] rowOf(float[] values, int row) {
        return Arrays.copyOfRange(values, row * COLUMNS, (row + 1) * COLUMNS);
    }

    @ParameterizedTest
    @MethodSource("weights")
    void decodeRows_rowByRow_equalsAllAtOnceAndTouchesNothingElse(StoredWeight weight) {
        float[] all = decoded(weight);
        for (int row = 0; row < weight.rows(); row++) {
            float[] target = new float[COLUMNS + 5];
            Arrays.fill(target, 99);
            weight.decodeRows(row, row + 1, target, 3);
            assertThat(Arrays.copyOfRange(target, 3, COLUMNS + 3)).isEqualTo(rowOf(all, row));
            assertThat(new float[] {target[0], target[1], target[2], target[COLUMNS + 3], target[COLUMNS + 4]})
                    .containsOnly(99f);
        }
    }

    @ParameterizedTest
    @MethodSource("weights")
    void rowRange_everyRange_decodesThoseRows(StoredWeight weight) {
        float[] all = decoded(weight);
        for (int from = 0; from <= weight.rows(); from++) {
            for (int to = from; to <= weight.rows(); to++) {
                StoredWeight range = weight.rowRange(from, to);
                assertThat(range.rows()).isEqualTo(to - from);
                assertThat(range.columns()).isEqualTo(COLUMNS);
                float[] values = decoded(range);
                for (int row = from; row < to; row++) {
                    assertThat(rowOf(values, row - from)).isEqualTo(rowOf(all, row));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("weights")
    void everySecondRow_bothHalves_interleave(StoredWeight weight) {
        float[] all = decoded(weight);
        for (int first = 0; first < 2; first++) {
            float[] half = decoded(weight.everySecondRow(first));
            for (int row = 0; row < weight.rows() / 2; row++) {
                assertThat(rowOf(half, row)).isEqualTo(rowOf(all, 2 * row + first));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("weights")
    void decodeRows_wrongArguments_areRejected(StoredWeight weight) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> weight.decodeRows(0, weight.rows() + 1, new float[1000], 0))
                .withMessage("rows 0 to %d of a weight with %d rows", weight.rows() + 1, weight.rows());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> weight.decodeRows(0, 1, new float[COLUMNS], 1))
                .withMessage("decoded rows: expected room for 64 values at offset 1, found 64");
        assertThatIllegalArgumentException().isThrownBy(() -> weight.rowRange(-1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> weight.everySecondRow(2));
    }

    @Test
    void plain_everyType_isLittleEndian() {
        byte[] f32 = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(1.25f)
                .array();
        assertThat(decoded(new PlainWeight(MemorySegment.ofArray(f32), DType.F32, 1, 1)))
                .containsExactly(1.25f);
        byte[] bf16 = {(byte) 0xa0, 0x3f};
        assertThat(decoded(new PlainWeight(MemorySegment.ofArray(bf16), DType.BF16, 1, 1)))
                .containsExactly(1.25f);
        byte[] f16 = {0x00, 0x3d};
        assertThat(decoded(new PlainWeight(MemorySegment.ofArray(f16), DType.F16, 1, 1)))
                .containsExactly(1.25f);
    }

    @Test
    void nvfp4_lowNibble_isTheEvenColumn() {
        byte[] codes = new byte[8];
        codes[0] = (byte) 0xa3; // column 0: 1.5, column 1: -1
        byte[] scales = {0x40}; // 2
        Nvfp4Weight weight = new Nvfp4Weight(MemorySegment.ofArray(codes), MemorySegment.ofArray(scales), 1, 16, 0.5f);
        assertThat(decoded(weight)).startsWith(1.5f, -1f, 0f, 0f);
        assertThat(decoded(Nvfp4Weight.ofReciprocal(weight.codes(), weight.blockScales(), 1, 16, 2f)))
                .startsWith(1.5f, -1f);
    }

    // The scales are multiplied first: 1.5 · (1.125 · s) and (1.5 · 1.125) · s differ for this s.
    @Test
    void nvfp4_order_isScalesFirst() {
        float globalScale = Float.intBitsToFloat(0x3a3b0003);
        float scalesFirst = 1.5f * (1.125f * globalScale);
        assertThat(scalesFirst).isNotEqualTo((1.5f * 1.125f) * globalScale);
        byte[] codes = new byte[8];
        codes[0] = 3;
        byte[] scales = {0x39};
        Nvfp4Weight weight =
                new Nvfp4Weight(MemorySegment.ofArray(codes), MemorySegment.ofArray(scales), 1, 16, globalScale);
        assertThat(decoded(weight)[0]).isEqualTo(scalesFirst);
    }

    @Test
    void mx_scale255_isNaN() {
        byte[] scales = {(byte) 255, (byte) 128};
        MxWeight weight = MxWeight.mxfp4(random(32, 1), MemorySegment.ofArray(scales), 1, 64);
        float[] values = decoded(weight);
        assertThat(values[0]).isNaN();
        assertThat(values[31]).isNaN();
        assertThat(values[32]).isEqualTo(2 * E2m1.decode(weight.codes().get(ValueLayout.JAVA_BYTE, 16)));
    }

    @Test
    void fp8_formatName_tellsTheGranularity() {
        PlainWeight channel = PlainWeight.ofFloats(new float[ROWS], ROWS, 1);
        PlainWeight tiles = PlainWeight.ofFloats(new float[9], 3, 3);
        MemorySegment codes = e4m3(ROWS * COLUMNS, 1);
        assertThat(Fp8Weight.perTensor(codes, DType.F8_E4M3, ROWS, COLUMNS, 1).formatName())
                .isEqualTo("FP8 tensor");
        assertThat(Fp8Weight.perChannel(codes, DType.F8_E4M3, ROWS, COLUMNS, channel)
                        .formatName())
                .isEqualTo("FP8 channel");
        assertThat(new Fp8Weight(codes, DType.F8_E4M3, ROWS, COLUMNS, 2, 27, tiles).formatName())
                .isEqualTo("FP8 block");
    }

    @Test
    void weights_memory_isReadOnly() {
        PlainWeight weight = PlainWeight.ofFloats(new float[] {1}, 1, 1);
        assertThatThrownBy(() -> weight.elements().set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void constructors_wrongSizes_nameWantedAndFound() {
        assertRejected(
                () -> new PlainWeight(random(5, 1), DType.F32, 1, 2), "F32 weight [1, 2]: expected 8 bytes, found 5");
        assertRejected(
                () -> new PlainWeight(random(8, 1), DType.I64, 1, 1),
                "plain weight: expected F32, F16 or BF16, found I64");
        assertRejected(
                () -> Fp8Weight.perTensor(random(5, 1), DType.F8_E4M3, 2, 3, 1),
                "FP8 weight [2, 3]: expected 6 bytes, found 5");
        assertRejected(
                () -> Fp8Weight.perTensor(random(6, 1), DType.U8, 2, 3, 1),
                "FP8 weight: expected F8_E4M3 or F8_E5M2, found U8");
        assertRejected(
                () -> Fp8Weight.blocks(
                        random(192 * 128, 1), DType.F8_E4M3, 192, 128, PlainWeight.ofFloats(new float[1], 1, 1)),
                "FP8 weight [192, 128] in blocks of [128, 128]: expected scales [2, 1], found [1, 1]");
        assertRejected(
                () -> new Nvfp4Weight(random(20, 1), random(2, 1), 1, 40, 1),
                "NVFP4 weight [1, 40]: expected a multiple of 16 columns, found [1, 40]");
        assertRejected(
                () -> new Nvfp4Weight(random(16, 1), random(3, 1), 1, 32, 1),
                "NVFP4 weight [1, 32]: block scales: expected 2 bytes, found 3");
        assertRejected(
                () -> MxWeight.mxfp4(random(16, 1), random(2, 1), 1, 32),
                "MXFP4 weight [1, 32]: scales: expected 1 bytes, found 2");
        assertRejected(
                () -> new PlainWeight(random(5, 1), DType.F32, -1, 2),
                "F32 weight [-1, 2]: negative extent in [-1, 2]");
        assertRejected(
                () -> new RowSelection(PlainWeight.ofFloats(new float[4], 4, 1), 1, 2, 3),
                "3 rows from 1 in steps of 2: the weight has 4 rows");
    }

    private static void assertRejected(Runnable construction, String message) {
        assertThatIllegalArgumentException().isThrownBy(construction::run).withMessage(message);
    }
}
