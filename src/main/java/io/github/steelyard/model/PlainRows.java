package io.github.steelyard.model;

import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Fp16;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

record PlainRows(MemorySegment bytes, DType dtype, int rows, int columns) implements StoredWeight {
    @Override
    public String formatName() {
        return dtype.name();
    }

    @Override
    public void decodeRows(int fromRow, int toRow, float[] target, int offset) {
        long first = (long) fromRow * columns;
        int count = (toRow - fromRow) * columns;
        for (int i = 0; i < count; i++) {
            target[offset + i] = switch (dtype) {
                case BF16 -> Bf16.decode(bytes.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, first + i) & 0xffff);
                case F16 -> Fp16.decode(bytes.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, first + i) & 0xffff);
                case F32 -> bytes.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, first + i);
                default -> throw new IllegalArgumentException("dtype %s holds no plain values".formatted(dtype));
            };
        }
    }
}
