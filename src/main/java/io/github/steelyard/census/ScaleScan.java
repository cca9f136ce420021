package io.github.steelyard.census;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.Fp16;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/// Looks at the values of scales.
public final class ScaleScan {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float LARGEST = 1e30f; // beyond, a product with a code can overflow float32
    private static final int NVFP4_BLOCK_BYTES = 8; // 16 codes
    private static final int NEGATIVE = 0x80; // the sign bit of E4M3
    private static final int MAGNITUDE = 0x7f;

    private ScaleScan() {}

    /// Scans scales stored as numbers.
    public static ScanResult.Scales real(MemorySegment bytes, DType dtype) {
        int size = dtype.bits() / Byte.SIZE;
        long count = bytes.byteSize() / size;
        long bad = 0;
        long first = -1;
        float example = 0;
        long implausible = 0;
        for (long i = 0; i < count; i++) {
            float value = decode(bytes, dtype, i * size);
            if (!(value > 0 && value < Float.POSITIVE_INFINITY)) {
                bad++;
                if (first < 0) {
                    first = i;
                    example = value;
                }
            } else if (value < Float.MIN_NORMAL || value > LARGEST) {
                implausible++;
            }
        }
        Optional<Float> single = count == 1 ? Optional.of(decode(bytes, dtype, 0)) : Optional.empty();
        return new ScanResult.Scales(bad, first, example, implausible, 0, single);
    }

    /// Scans the E4M3 block scales of NVFP4. A zero is no error in itself: it is right for a block of zeros.
    ///
    /// @param codes the packed codes, eight bytes for each scale if they fit together
    public static ScanResult.Scales blockScales(MemorySegment bytes, Optional<MemorySegment> codes) {
        boolean matching = codes.isPresent() && codes.get().byteSize() == bytes.byteSize() * NVFP4_BLOCK_BYTES;
        long bad = 0;
        long first = -1;
        float example = 0;
        long zeroBlocks = 0;
        for (long i = 0; i < bytes.byteSize(); i++) {
            int code = bytes.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            int magnitude = code & MAGNITUDE;
            if (magnitude == 0) {
                zeroBlocks += matching && hasValue(codes.get(), i * NVFP4_BLOCK_BYTES) ? 1 : 0;
            } else if (magnitude == E4m3.NAN_CODE || (code & NEGATIVE) != 0) {
                bad++;
                if (first < 0) {
                    first = i;
                    example = E4m3.decode(code);
                }
            }
        }
        return new ScanResult.Scales(bad, first, example, 0, zeroBlocks, Optional.empty());
    }

    /// Scans E8M0 codes: those above `limit` make some code of the weight infinite or NaN.
    public static ScanResult.Scales powers(MemorySegment bytes, int limit) {
        long bad = 0;
        long first = -1;
        float example = 0;
        for (long i = 0; i < bytes.byteSize(); i++) {
            int code = bytes.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            if (code > limit) {
                bad++;
                if (first < 0) {
                    first = i;
                    example = E8m0.decode(code);
                }
            }
        }
        return new ScanResult.Scales(bad, first, example, 0, 0, Optional.empty());
    }

    // A code is zero when its three magnitude bits are, whatever its sign.
    private static boolean hasValue(MemorySegment codes, long at) {
        return (codes.get(ValueLayout.JAVA_LONG_UNALIGNED, at) & 0x7777_7777_7777_7777L) != 0;
    }

    private static float decode(MemorySegment bytes, DType dtype, long at) {
        return switch (dtype) {
            case F32 -> Float.intBitsToFloat(bytes.get(INT, at));
            case BF16 -> Bf16.decode(bytes.get(SHORT, at));
            case F16 -> Fp16.decode(bytes.get(SHORT, at));
            case BOOL,
                    F4,
                    F6_E2M3,
                    F6_E3M2,
                    U8,
                    I8,
                    F8_E5M2,
                    F8_E4M3,
                    F8_E8M0,
                    I16,
                    U16,
                    I32,
                    U32,
                    C64,
                    F64,
                    I64,
                    U64 -> throw new IllegalArgumentException("no scale is stored as %s".formatted(dtype));
        };
    }
}
