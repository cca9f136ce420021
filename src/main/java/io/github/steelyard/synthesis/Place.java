package io.github.steelyard.synthesis;

import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import java.util.Locale;
import java.util.function.IntFunction;

/// Names and shapes under which one synthetic weight lies.
///
/// @param columns input features of a matrix
/// @param codes name of the values or codes
/// @param scale name of the weight scale
/// @param tileScale name of the scales of tiles, as publishers write FP8
/// @param globalScale name of NVFP4's second-level scale
/// @param inputScale name of the input scale
/// @param inner shape of a tensor in which one element stands for so many input features
/// @param mxCodes name of the MXFP4 codes
/// @param mxCodesShape their shape, in bytes
/// @param mxScales name of the MXFP4 block scales
/// @param mxScalesShape their shape
record Place(
        int columns,
        String codes,
        String scale,
        String tileScale,
        String globalScale,
        String inputScale,
        IntFunction<Shape> inner,
        String mxCodes,
        Shape mxCodesShape,
        String mxScales,
        Shape mxScalesShape) {

    private static final int MX_BLOCK = 32;

    /// Returns the place of a weight `(rows, columns)` under the name of its linear layer.
    static Place of(ModuleInfo module) {
        TensorNames names = Dialect.MODELOPT.module(module.name());
        IntFunction<Shape> inner = inputs -> Shape.of(module.rows(), module.columns() / inputs);
        return new Place(
                module.columns(),
                names.codes(),
                names.scale(),
                Dialect.HUGGING_FACE_FP8.module(module.name()).scale(),
                names.secondScale(),
                names.inputScale(),
                inner,
                names.codes(),
                inner.apply(2),
                names.scale(),
                inner.apply(MX_BLOCK));
    }

    /// Returns the place of the weights of all experts of a layer in one tensor; [FusedStack] tells the names.
    static Place of(FusedStack stack) {
        TensorNames names = Dialect.MODELOPT.stack(stack.tensor());
        TensorNames mxfp4 = Dialect.GPT_OSS.stack(stack.tensor());
        int mxBlocks = stack.columns() / MX_BLOCK;
        return new Place(
                stack.columns(),
                names.codes(),
                names.scale(),
                Dialect.HUGGING_FACE_FP8.stack(stack.tensor()).scale(),
                names.secondScale(),
                names.inputScale(),
                inputs -> switch (stack.layout()) {
                    case OUT_IN -> Shape.of(stack.count(), stack.rows(), stack.columns() / inputs);
                    case IN_OUT -> Shape.of(stack.count(), stack.columns() / inputs, stack.rows());
                },
                mxfp4.codes(),
                Shape.of(stack.count(), stack.rows(), mxBlocks, MX_BLOCK / 2),
                mxfp4.scale(),
                Shape.of(stack.count(), stack.rows(), mxBlocks));
    }

    /// Returns the shape of a scale for each tile of `block` x `block`.
    ///
    /// @throws IllegalArgumentException if this is a tensor of several matrices, which have no such scales
    Shape tiles(int block) {
        Shape whole = inner.apply(1);
        if (whole.rank() != 2) {
            throw new IllegalArgumentException("%s: experts in one tensor have no scales of tiles".formatted(codes));
        }
        return Shape.of(Math.ceilDiv(whole.dim(0), block), Math.ceilDiv(whole.dim(1), block));
    }

    /// @throws IllegalArgumentException if blocks of this size do not fit
    void requireBlocks(int block) {
        if (columns % block != 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "%s: wanted input features divisible by %d, found %d", codes, block, columns));
        }
    }
}
