package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CompressedTensors;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Format;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The tensors that make up the weight of one module, and the storage format that they amount to. The format is read
/// off the tensors that lie beside the weight. A config file is asked for one thing alone: whether half as many scales
/// as
/// NVFP4 has are those of blocks of 32, or too few.
///
/// @param format the storage format; of integers the width is what `weight_shape` says, else four bits
/// @param weight values or codes
/// @param scale the scale, or the block scales; absent for plain values
/// @param globalScale the second-level scale of NVFP4, and of integers that are rounded to FP8
/// @param reciprocal whether the second-level scale is the reciprocal of the multiplier, as in compressed-tensors
public record WeightTensors(
        Format format,
        TensorInfo weight,
        Optional<TensorInfo> scale,
        Optional<TensorInfo> globalScale,
        boolean reciprocal) {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Finds the weight of `module`.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is missing, or its scales are missing
    public static WeightTensors detect(Checkpoint checkpoint, String module) {
        TensorNames packed = Dialect.COMPRESSED_TENSORS.module(module);
        if (checkpoint.has(packed.codes())) {
            return packed(checkpoint, module, packed);
        }
        TensorNames names = Dialect.MODELOPT.module(module);
        TensorInfo weight = checkpoint.tensor(names.codes());
        return switch (weight.dtype()) {
            case U8, F4, I8 -> fourBit(checkpoint, module, weight, names);
            case F8_E4M3, F8_E5M2 -> eightBit(checkpoint, module, weight);
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 ->
                plain(weight);
        };
    }

    /// Returns the names of the tensors that [#detect] would miss, none if the weight is complete.
    public static List<String> missing(Checkpoint checkpoint, String module) {
        TensorNames packed = Dialect.COMPRESSED_TENSORS.module(module);
        TensorNames names = checkpoint.has(packed.codes()) ? packed : Dialect.MODELOPT.module(module);
        if (!checkpoint.has(names.codes())) {
            return List.of(names.codes());
        }
        DType codes = checkpoint.tensor(names.codes()).dtype();
        Optional<String> scale = StoredNames.scale(checkpoint::has, module);
        String global = names.secondScale();
        return switch (codes) {
            case U8, F4, I8 -> {
                if (scale.isEmpty()) {
                    yield List.of(names.scale());
                }
                TensorInfo scales = checkpoint.tensor(scale.get());
                boolean complete = MxScales.arePowers(scales)
                        || codes == DType.I8
                        || (isReal(scales) && isInPairs(checkpoint.tensor(names.codes()), scales))
                        || checkpoint.has(global);
                yield complete ? List.of() : List.of(global);
            }
            case F8_E4M3, F8_E5M2, I32 -> scale.isEmpty() ? List.of(names.scale()) : List.of();
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, F16, BF16, U32, F32, C64, F64, I64, U64 -> List.of();
        };
    }

    /// Finds the tensors of a stack, [FusedStack#tensor()] and what lies beside it.
    ///
    /// @throws CheckpointException if one is missing
    public static WeightTensors ofStack(Checkpoint checkpoint, String stack) {
        TensorNames mxfp4 = Dialect.GPT_OSS.stack(stack);
        if (checkpoint.has(mxfp4.codes())) {
            TensorInfo scales = checkpoint.tensor(mxfp4.scale());
            return scaled(Format.MXFP4, checkpoint.tensor(mxfp4.codes()), scales);
        }
        TensorNames names = Dialect.MODELOPT.stack(stack);
        TensorInfo weight = checkpoint.tensor(names.codes());
        return switch (weight.dtype()) {
            case U8, F4 ->
                new WeightTensors(
                        Format.NVFP4,
                        weight,
                        Optional.of(checkpoint.tensor(names.scale())),
                        Optional.of(checkpoint.tensor(names.secondScale())),
                        names.reciprocal());
            case F8_E4M3, F8_E5M2 -> {
                Optional<String> inverse = blockScale(checkpoint, stack);
                yield scaled(
                        inverse.isPresent() ? Format.FP8_BLOCK : Format.FP8,
                        weight,
                        checkpoint.tensor(inverse.orElse(names.scale())));
            }
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I8, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 ->
                plain(weight);
        };
    }

    /// Returns the names of the tensors that [#ofStack] would miss, none if the stack is complete.
    public static List<String> missingOfStack(Checkpoint checkpoint, String stack) {
        TensorNames mxfp4 = Dialect.GPT_OSS.stack(stack);
        TensorNames names = Dialect.MODELOPT.stack(stack);
        List<String> needed = new ArrayList<>();
        if (checkpoint.has(mxfp4.codes())) {
            needed.add(mxfp4.scale());
        } else if (!checkpoint.has(names.codes())) {
            needed.add(names.codes());
        } else {
            switch (checkpoint.tensor(names.codes()).dtype()) {
                case U8, F4 -> needed.addAll(List.of(names.scale(), names.secondScale()));
                case F8_E4M3, F8_E5M2 -> {
                    if (blockScale(checkpoint, stack).isEmpty()) {
                        needed.add(names.scale());
                    }
                }
                case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I8, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 -> {}
            }
        }
        return needed.stream().filter(name -> !checkpoint.has(name)).toList();
    }

    /// Returns the scales of FP8 in blocks, if the stack has them.
    private static Optional<String> blockScale(Checkpoint checkpoint, String stack) {
        return Dialect.HUGGING_FACE_FP8.stack(stack).scale(checkpoint::has);
    }

    /// Returns whether these are scales of integers: those of FP4 are FP8 or powers of two.
    private static boolean isReal(TensorInfo scale) {
        return scale.dtype() == DType.F32 || scale.dtype() == DType.BF16 || scale.dtype() == DType.F16;
    }

    /// Returns whether there are scales for twice as many rows as there are of bytes.
    public static boolean isInPairs(TensorInfo codes, TensorInfo scale) {
        return codes.shape().rank() == 2
                && scale.shape().rank() == 2
                && Math.ceilDiv(scale.shape().dim(0), 2L) == codes.shape().dim(0)
                && scale.shape().dim(0) != codes.shape().dim(0);
    }

    /// Returns whether scales are those of blocks of 32, as they look and as the config says: without its word they are
    /// scales that are too few.
    private static boolean isOfBlocks32(Checkpoint checkpoint, String module, TensorInfo codes, TensorInfo scale) {
        return codes.shape().rank() == 2
                && scale.shape().rank() == 2
                && scale.shape().dim(1) > 0
                && scale.shape().dim(1) * Format.NVFP4_32.block()
                        == codes.shape().dim(1) * 2
                && checkpoint
                        .quantization()
                        .declarationOf(module)
                        .filter(declared -> declared.format() == Format.NVFP4_32)
                        .isPresent();
    }

    private static WeightTensors plain(TensorInfo weight) {
        return new WeightTensors(Format.PLAIN, weight, Optional.empty(), Optional.empty(), false);
    }

    private static WeightTensors scaled(Format format, TensorInfo codes, TensorInfo scale) {
        return new WeightTensors(format, codes, Optional.of(scale), Optional.empty(), false);
    }

    /// Returns the input features that packed integers say they have.
    public static Optional<Long> unpackedColumns(Checkpoint checkpoint, String module) {
        String name = Part.WEIGHT_SHAPE.in(module);
        return Optional.of(name)
                .filter(checkpoint::has)
                .map(checkpoint::tensor)
                .filter(shape -> shape.byteSize() == 2 * Long.BYTES)
                .map(shape -> checkpoint.bytes(shape).get(LONG, Long.BYTES));
    }

    /// Returns the name of format and dialect together, for people.
    public String label() {
        return switch (format) {
            case FP8 -> "FP8_TENSOR";
            case FP8_PER_CHANNEL -> "FP8_CHANNEL";
            case NVFP4 -> reciprocal ? "NVFP4_PACKED" : "NVFP4";
            case INT4, INT8_GROUPS -> weight.dtype() == DType.I32 ? "INT_PACKED" : format.name();
            case INT8 -> "INT8_TENSOR";
            case INT8_PER_CHANNEL -> "INT8_CHANNEL";
            case PLAIN,
                    FP8_BLOCK,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    NVFP4_32,
                    MXFP4,
                    MXFP8,
                    INT4_FP8,
                    INT8_DYNAMIC_TOKEN -> format.name();
        };
    }

    /// Returns the scale of the whole tensor, where the format has one: the second level, or the only one.
    public Optional<TensorInfo> tensorScale() {
        return format.hasSecondLevel() ? globalScale : format.hasTensorScale() ? scale : Optional.empty();
    }

    /// Returns all tensors, the weight first.
    public List<TensorInfo> all() {
        List<TensorInfo> all = new ArrayList<>(List.of(weight));
        scale.ifPresent(all::add);
        globalScale.ifPresent(all::add);
        return all;
    }

    private static WeightTensors packed(Checkpoint checkpoint, String module, TensorNames names) {
        TensorInfo codes = checkpoint.tensor(names.codes());
        if (codes.dtype() == DType.I32) {
            return integers(checkpoint, module, codes, names);
        }
        if (codes.dtype() != DType.U8) {
            throw new CheckpointException(
                    codes.file(),
                    "tensor '%s': wanted U8 codes of NVFP4 or MXFP4, or I32 words of integers, found %s"
                            .formatted(codes.name(), codes.typeText()));
        }
        return fourBit(checkpoint, module, codes, names);
    }

    private static WeightTensors integers(Checkpoint checkpoint, String module, TensorInfo codes, TensorNames names) {
        String order = CompressedTensors.activationOrder(module);
        if (checkpoint.has(order)) {
            throw new CheckpointException(
                    codes.file(), "tensor '%s': integers in the order of activations are not read".formatted(order));
        }
        boolean eight = unpackedColumns(checkpoint, module)
                .filter(columns -> codes.shape().rank() == 2 && codes.shape().dim(1) == Math.ceilDiv(columns, 4L))
                .isPresent();
        return scaled(eight ? Format.INT8_GROUPS : Format.INT4, codes, checkpoint.tensor(names.scale()));
    }

    private static WeightTensors fourBit(Checkpoint checkpoint, String module, TensorInfo codes, TensorNames names) {
        TensorInfo scale = scale(checkpoint, module, names);
        if (MxScales.arePowers(scale) && !checkpoint.has(names.secondScale())) {
            return scaled(Format.MXFP4, codes, scale);
        }
        if (codes.dtype() == DType.I8) {
            return scaled(oneByte(codes, scale), codes, scale);
        }
        if (isReal(scale) && isInPairs(codes, scale)) {
            return checkpoint.has(names.secondScale())
                    ? new WeightTensors(
                            Format.INT4_FP8,
                            codes,
                            Optional.of(scale),
                            Optional.of(checkpoint.tensor(names.secondScale())),
                            names.reciprocal())
                    : scaled(Format.INT4, codes, scale);
        }
        return new WeightTensors(
                isOfBlocks32(checkpoint, module, codes, scale) ? Format.NVFP4_32 : Format.NVFP4,
                codes,
                Optional.of(scale),
                Optional.of(checkpoint.tensor(names.secondScale())),
                names.reciprocal());
    }

    /// Returns the format of integers of one byte.
    private static Format oneByte(TensorInfo codes, TensorInfo scale) {
        boolean oneRow = codes.shape().rank() > 0 && codes.shape().dim(0) == 1;
        return scale.shape().elements() == 1 && !oneRow ? Format.INT8 : Format.INT8_PER_CHANNEL;
    }

    private static WeightTensors eightBit(Checkpoint checkpoint, String module, TensorInfo weight) {
        TensorInfo scale = scale(checkpoint, module, Dialect.MODELOPT.module(module));
        return scaled(eightBitFormat(weight, scale), weight, scale);
    }

    private static TensorInfo scale(Checkpoint checkpoint, String module, TensorNames names) {
        return checkpoint.tensor(StoredNames.scale(checkpoint::has, module).orElse(names.scale()));
    }

    private static Format eightBitFormat(TensorInfo weight, TensorInfo scale) {
        Shape shape = scale.shape();
        boolean matrix = weight.shape().rank() == 2;
        long rows = matrix ? weight.shape().dim(0) : 1;
        long columns = matrix ? weight.shape().dim(1) : 1;
        if (MxScales.arePowers(scale)
                && shape.equals(Shape.of(rows, Math.ceilDiv(columns, (long) Format.MXFP8.block())))) {
            return Format.MXFP8;
        }
        boolean inverse = scale.name().endsWith("_inv");
        if (shape.rank() == 4 || (inverse && shape.rank() == 2 && shape.elements() == 1)) {
            return Format.FP8_BLOCK; // of rank 4: ModelOpt's blocks, (block rows, 1, block columns, 1)
        }
        if (shape.elements() == 1) {
            return Format.FP8;
        }
        boolean perRow = shape.elements() == rows && shape.dim(0) == rows;
        return perRow ? Format.FP8_PER_CHANNEL : Format.FP8_BLOCK;
    }
}
