package io.github.steelyard.dialect;

import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.Optional;

/// NVIDIA ModelOpt, and the names that FP8 checkpoints of all kinds share with it.
public record ModelOpt() implements Dialect.Written, Dialect.InStacks {

    /// The last word of the name of what a module's inputs are multiplied with before they are quantised.
    public static final String INPUT_FACTORS = "pre_quant_scale";

    @Override
    public String title() {
        return "ModelOpt";
    }

    @Override
    public TensorNames module(String name, Format format) {
        return module(name);
    }

    @Override
    public TensorNames module(String name) {
        return new TensorNames(
                Part.WEIGHT.in(name),
                List.of(Part.WEIGHT_SCALE.in(name)),
                Optional.of(Part.WEIGHT_SCALE_2.in(name)),
                List.of(Part.INPUT_SCALE.in(name)),
                false);
    }

    private static boolean isInPairs(Format format) {
        return format == Format.INT4 || format == Format.INT4_FP8;
    }

    /// Integers of four bits lie in bytes.
    @Override
    public DType codeType(Format format) {
        return isInPairs(format) ? DType.U8 : format.codeType();
    }

    /// Integers of four bits: two rows share a byte.
    @Override
    public Shape codeShape(Format format, int rows, int columns) {
        return isInPairs(format) ? Shape.of(Math.ceilDiv(rows, 2), columns) : format.codeShape(rows, columns);
    }

    /// Scales of integers are F32.
    @Override
    public DType scaleType(Format format) {
        return format.coding() == Format.Coding.INTEGERS ? DType.F32 : format.scaleType();
    }

    /// Tiles have four extents, two of them 1.
    @Override
    public Shape scaleShape(Format format, int block, int rows, int columns) {
        Shape shape = format.scaleShape(block, rows, columns);
        return format.tile() == 0 ? shape : Shape.of(shape.dim(0), 1, shape.dim(1), 1);
    }

    @Override
    public boolean hasExtents(Format format) {
        return false;
    }

    @Override
    public Shape singleShape() {
        return Shape.of();
    }

    @Override
    public Arithmetic arithmetic() {
        return Arithmetic.MODELOPT;
    }

    @Override
    public boolean has(QuantAlgo algo) {
        return switch (algo) {
            case FP8,
                    FP8_PER_CHANNEL,
                    FP8_BLOCK,
                    NVFP4,
                    NVFP4_AWQ,
                    W4A16_NVFP4,
                    MXFP4,
                    MXFP8,
                    W4A16_INT,
                    W4A8_INT,
                    W4A8_NVFP4,
                    W4A8_NVFP4_32,
                    W4A8_MXFP4,
                    W8A16_INT,
                    W8A8_INT -> true;
            case W8A16_FP8, W8A16_FP8_CHANNEL, FP8_BLOCK_DYNAMIC, W4A4_MXFP4, W8A8_INT_DYNAMIC, W8A8_INT_TENSOR ->
                false;
        };
    }

    @Override
    public boolean hasCache(String format) {
        return true;
    }

    @Override
    public boolean hasCachePerHead() {
        return false;
    }

    @Override
    public boolean hasStacks() {
        return true;
    }

    @Override
    public String cacheScale(String attention, boolean key) {
        return CacheNames.ofModelOpt(attention, key);
    }

    /// Returns the name of what a module's inputs are multiplied with before they are quantised.
    public static String preQuantScale(String module) {
        return module + "." + INPUT_FACTORS;
    }

    @Override
    public TensorNames stack(String name) {
        return new TensorNames(
                name,
                List.of(Part.WEIGHT_SCALE.beside(name)),
                Optional.of(Part.WEIGHT_SCALE_2.beside(name)),
                List.of(Part.INPUT_SCALE.beside(name)),
                false);
    }
}
