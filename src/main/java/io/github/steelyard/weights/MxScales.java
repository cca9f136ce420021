package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/// Scales that are powers of two: E8M0 codes, stored as such or as bytes.
public final class MxScales {

    private MxScales() {}

    /// Returns whether a scale is stored as E8M0.
    public static boolean arePowers(TensorInfo scale) {
        return scale.dtype() == DType.U8 || scale.dtype() == DType.F8_E8M0;
    }

    /// Returns the values of a scale of powers over E4M3 codes, flattened.
    ///
    /// @throws CheckpointException if some code is no finite number under one of them
    public static float[] values(Checkpoint checkpoint, TensorInfo scale) {
        MemorySegment codes = checkpoint.bytes(scale);
        requireFinite(codes, scale, E4m3.MAX);
        float[] values = new float[Math.toIntExact(codes.byteSize())];
        for (int i = 0; i < values.length; i++) {
            values[i] = E8m0.decode(codes.get(ValueLayout.JAVA_BYTE, i));
        }
        return values;
    }

    /// Refuses a weight with a scale under which some code is no finite number: code 255 is NaN, and the largest ones
    /// overflow.
    ///
    /// @param scale the tensor of its scales, for the message
    /// @return `weight`
    /// @throws CheckpointException naming the tensor and the first such scale
    static MxWeight requireFinite(MxWeight weight, TensorInfo scale) {
        requireFinite(weight.scales(), scale, weight.element() == MxWeight.Element.E2M1 ? E2m1.MAX : E4m3.MAX);
        return weight;
    }

    private static void requireFinite(MemorySegment codes, TensorInfo scale, float largest) {
        int limit = largestCode(largest);
        for (long i = 0; i < codes.byteSize(); i++) {
            int code = codes.get(ValueLayout.JAVA_BYTE, i) & 0xff;
            if (code > limit) {
                throw new CheckpointException(
                        scale.file(),
                        String.format(
                                Locale.ROOT,
                                "tensor '%s': wanted scales under which codes are finite, up to %d, found %d at index %d",
                                scale.name(),
                                limit,
                                code,
                                i));
            }
        }
    }

    /// Returns the largest scale code under which a code of magnitude `largest` is finite.
    public static int largestCode(float largest) {
        int code = E8m0.NAN_CODE - 1;
        while (Float.isInfinite(E8m0.decode(code) * largest)) {
            code--;
        }
        return code;
    }
}
