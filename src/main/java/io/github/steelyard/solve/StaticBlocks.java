package io.github.steelyard.solve;

import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.search.StaticScales;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.solve.Solver.Part;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/// The NVFP4 weight with static blocks that is solved for a module: codes under block scales under the scale of the
/// tensor, which stays what `max` made it.
///
/// @param amax of the tensor, or of all that share its scale; 0 for zeros
/// @param largest the scale of a block with this amax: 448, or 256 for four-over-six
public record StaticBlocks(float amax, float largest) {

    /// The part that holds the codes, two in a byte.
    public static final String CODES = io.github.steelyard.dialect.Part.WEIGHT.word();

    /// The part that holds the block scales.
    public static final String SCALES = io.github.steelyard.dialect.Part.WEIGHT_SCALE.word();

    /// The part that holds the scale of the tensor, a multiplier.
    public static final String GLOBAL_SCALE = io.github.steelyard.dialect.Part.WEIGHT_SCALE_2.word();

    /// Returns the tensors that are solved for a module.
    public static List<Part> parts(ModuleInfo module) {
        return List.of(
                new Part(CODES, DType.U8, Shape.of(module.rows(), module.columns() / 2)),
                new Part(SCALES, DType.F8_E4M3, Shape.of(module.rows(), module.columns() / Nvfp4.BLOCK)),
                new Part(GLOBAL_SCALE, DType.F32, Shape.of()));
    }

    /// Returns the formulas of the block scales; empty for a weight of zeros.
    Optional<StaticScales> scales() {
        return amax > 0 ? Optional.of(new StaticScales(amax, largest)) : Optional.empty();
    }

    /// Returns the scale of the tensor: a multiplier.
    public float globalScale() {
        return Nvfp4.staticGlobalScale(amax, largest);
    }

    /// Returns the codes of a weight under its block scales, and these.
    ///
    /// @param weight `(rows, columns)`
    /// @param blockScales `(rows, columns / 16)`
    List<byte[]> encoded(float[] weight, int rows, int columns, byte[] blockScales) {
        byte[] codes = new byte[Math.multiplyExact(rows, columns / 2)];
        Nvfp4.encodeCodes(weight, 0, rows, columns, globalScale(), codes, 0, blockScales, 0);
        return List.of(codes, blockScales, globalScaleBytes());
    }

    private byte[] globalScaleBytes() {
        return ByteBuffer.allocate(Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(globalScale())
                .array();
    }

    /// Returns a weight of zeros, as it is encoded anywhere else.
    List<byte[]> encodedZeros(float[] weight, int rows, int columns) {
        byte[] codes = new byte[Math.multiplyExact(rows, columns / 2)];
        byte[] blockScales = new byte[rows * (columns / Nvfp4.BLOCK)];
        Nvfp4.encodeRows(weight, 0, rows, columns, globalScale(), codes, 0, blockScales, 0);
        return List.of(codes, blockScales, globalScaleBytes());
    }
}
