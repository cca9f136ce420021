package io.github.steelyard.census;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E5m2;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.Fp16;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class LaneScanTest {

    private static final int LONGS = 8; // elements of one byte in a long

    @Test
    void scan_everyCodeInEveryLane_agreesWithTheCodec() {
        requireAgreement(LaneScan.E4M3, 1, E4m3::decode);
        requireAgreement(LaneScan.E5M2, 1, E5m2::decode);
        requireAgreement(LaneScan.E8M0, 1, E8m0::decode);
        requireAgreement(LaneScan.BF16, 2, Bf16::decode);
        requireAgreement(LaneScan.F16, 2, Fp16::decode);
    }

    @Test
    void scan_floatsAndDoublesAtTheEdges_agreeWithJava() {
        float[] floats = {0, -0f, 1, Float.MIN_VALUE, Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_NORMAL};
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.intBitsToFloat(0xff800001)};
        assertThat(scan(floats)).isEqualTo(LaneScan.Result.NONE);
        for (float value : bad) {
            for (int at = 0; at < 5; at++) {
                float[] values = new float[5];
                values[at] = value;
                assertThat(scan(values)).as("%s at %d", value, at).isEqualTo(new LaneScan.Result(1, at));
            }
        }
        MemorySegment doubles = MemorySegment.ofArray(new byte[24]);
        ByteBuffer view = doubles.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        view.putDouble(0, Double.MAX_VALUE).putDouble(8, Double.NaN).putDouble(16, Double.NEGATIVE_INFINITY);
        assertThat(LaneScan.F64.scan(doubles)).isEqualTo(new LaneScan.Result(2, 1));
    }

    @ParameterizedTest
    @EnumSource(LaneScan.class)
    void scan_manyValues_countsAndFindsTheFirst(LaneScan scan) {
        Random random = new Random(7);
        int size = scan.elementBytes();
        byte[] bytes = new byte[100_003 / size * size];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (random.nextInt(256) & 0x3b); // never all exponent bits
        }
        assertThat(scan.scan(MemorySegment.ofArray(bytes))).isEqualTo(LaneScan.Result.NONE);
        int[] places = {70_000 / size, 70_001 / size + 1, bytes.length / size - 1};
        for (int place : places) {
            Arrays.fill(bytes, place * size, (place + 1) * size, (byte) 0xff);
        }
        assertThat(scan.scan(MemorySegment.ofArray(bytes))).isEqualTo(new LaneScan.Result(3, places[0]));
    }

    @Test
    void of_typesWithoutSpecialCodes_isEmpty() {
        assertThat(LaneScan.of(DType.U8)).isEmpty();
        assertThat(LaneScan.of(DType.I64)).isEmpty();
        assertThat(LaneScan.of(DType.F8_E4M3)).contains(LaneScan.E4M3);
    }

    private static LaneScan.Result scan(float[] values) {
        byte[] bytes = new byte[values.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
        return LaneScan.F32.scan(MemorySegment.ofArray(bytes));
    }

    private static void requireAgreement(LaneScan scan, int size, IntToDoubleFunction decode) {
        for (int code = 0; code < 1 << (Byte.SIZE * size); code++) {
            boolean finite = Double.isFinite(decode.applyAsDouble(code));
            for (int lane = 0; lane < LONGS / size; lane++) {
                byte[] bytes = new byte[LONGS];
                for (int i = 0; i < size; i++) {
                    bytes[lane * size + i] = (byte) (code >>> (Byte.SIZE * i));
                }
                LaneScan.Result expected = finite ? LaneScan.Result.NONE : new LaneScan.Result(1, lane);
                assertThat(scan.scan(MemorySegment.ofArray(bytes)))
                        .as("%s code %x in lane %d", scan, code, lane)
                        .isEqualTo(expected);
            }
        }
    }
}
