package io.github.steelyard.dialect;

import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.Optional;

/// Packed codes of compressed-tensors: NVFP4, MXFP4 and integers.
public record CompressedTensors() implements Dialect.Written {

    @Override
    public String title() {
        return "compressed-tensors";
    }

    /// Codes of eight bits have ModelOpt's names, packed codes have their own.
    @Override
    public TensorNames module(String name, Format format) {
        return format.codeType().bits() == format.bits() ? Dialect.MODELOPT.module(name) : module(name);
    }

    /// Scales of integers have the type of the model, which is taken to be BF16.
    @Override
    public DType scaleType(Format format) {
        return format.coding() == Format.Coding.INTEGERS ? DType.BF16 : format.scaleType();
    }

    @Override
    public Shape scaleShape(Format format, int block, int rows, int columns) {
        return switch (format.granularity()) {
            case NONE, TENSOR -> singleShape();
            case CHANNEL, TOKEN -> Shape.of(rows, 1);
            case TILE, BLOCK, TOKEN_BLOCK -> format.scaleShape(block, rows, columns);
        };
    }

    @Override
    public boolean hasExtents(Format format) {
        return format == Format.INT4;
    }

    @Override
    public Shape singleShape() {
        return Shape.of(1);
    }

    @Override
    public Arithmetic arithmetic() {
        return Arithmetic.COMPRESSED_TENSORS;
    }

    /// FP8 in tiles has inputs quantised at run time, or no server loads it.
    @Override
    public boolean has(QuantAlgo algo) {
        return switch (algo) {
            case FP8,
                    W8A16_FP8,
                    W8A16_FP8_CHANNEL,
                    FP8_PER_CHANNEL,
                    FP8_BLOCK_DYNAMIC,
                    NVFP4,
                    W4A16_NVFP4,
                    MXFP4,
                    W4A4_MXFP4,
                    MXFP8,
                    W4A16_INT,
                    W8A8_INT,
                    W8A8_INT_DYNAMIC,
                    W8A8_INT_TENSOR -> true;
            case FP8_BLOCK, NVFP4_AWQ, W4A8_INT, W4A8_NVFP4, W4A8_NVFP4_32, W4A8_MXFP4, W8A16_INT -> false;
        };
    }

    @Override
    public boolean hasCache(String format) {
        return format.equals(Format.FP8.name());
    }

    @Override
    public boolean hasCachePerHead() {
        return true;
    }

    @Override
    public boolean hasStacks() {
        return false;
    }

    @Override
    public String cacheScale(String attention, boolean key) {
        return CacheNames.ofCompressedTensors(attention, key);
    }

    @Override
    public TensorNames module(String name) {
        return new TensorNames(
                Part.WEIGHT_PACKED.in(name),
                List.of(Part.WEIGHT_SCALE.in(name)),
                Optional.of(Part.WEIGHT_GLOBAL_SCALE.in(name)),
                List.of(Part.INPUT_GLOBAL_SCALE.in(name)),
                true);
    }

    /// Returns the name of the order of input features by activation, which is not read.
    public static String activationOrder(String module) {
        return module + ".weight_g_idx";
    }
}
