package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The tensors that make up the weight of one module, and the storage format that they amount to. The format is read
/// off the tensors that lie beside the weight, never off a config file.
///
/// @param kind the storage format
/// @param weight values or codes
/// @param scale the scale, or the block scales; absent for plain values
/// @param globalScale the second-level scale of NVFP4
public record WeightTensors(
        Kind kind, TensorInfo weight, Optional<TensorInfo> scale, Optional<TensorInfo> globalScale) {

    /// Storage formats, told apart by dtype, shape and sibling names.
    public enum Kind {
        PLAIN,
        FP8_TENSOR,
        FP8_CHANNEL,
        FP8_BLOCK,
        NVFP4,
        /// NVFP4 with the reciprocal global scale of compressed-tensors.
        NVFP4_PACKED,
        MXFP4,
        MXFP8,
        /// Integers of four or eight bits, packed into words.
        INT_PACKED
    }

    private static final long MX_BLOCK = 32;

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
            case U8, F4, I8 -> fourBit(checkpoint, module, weight, Kind.NVFP4, names);
            case F8_E4M3, F8_E5M2 -> eightBit(checkpoint, module, weight);
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 ->
                new WeightTensors(Kind.PLAIN, weight, Optional.empty(), Optional.empty());
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
                boolean complete = isE8m0(checkpoint.tensor(scale.get())) || checkpoint.has(global);
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
            return new WeightTensors(
                    Kind.MXFP4, checkpoint.tensor(mxfp4.codes()), Optional.of(scales), Optional.empty());
        }
        TensorNames names = Dialect.MODELOPT.stack(stack);
        TensorInfo weight = checkpoint.tensor(names.codes());
        return switch (weight.dtype()) {
            case U8, F4 ->
                new WeightTensors(
                        Kind.NVFP4,
                        weight,
                        Optional.of(checkpoint.tensor(names.scale())),
                        Optional.of(checkpoint.tensor(names.secondScale())));
            case F8_E4M3, F8_E5M2 -> {
                Optional<String> inverse = blockScale(checkpoint, stack);
                yield new WeightTensors(
                        inverse.isPresent() ? Kind.FP8_BLOCK : Kind.FP8_TENSOR,
                        weight,
                        Optional.of(checkpoint.tensor(inverse.orElse(names.scale()))),
                        Optional.empty());
            }
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I8, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 ->
                new WeightTensors(Kind.PLAIN, weight, Optional.empty(), Optional.empty());
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

    private static boolean isE8m0(TensorInfo scale) {
        return scale.dtype() == DType.U8 || scale.dtype() == DType.F8_E8M0;
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
        return fourBit(checkpoint, module, codes, Kind.NVFP4_PACKED, names);
    }

    private static WeightTensors integers(Checkpoint checkpoint, String module, TensorInfo codes, TensorNames names) {
        String order = Dialect.CompressedTensors.activationOrder(module);
        if (checkpoint.has(order)) {
            throw new CheckpointException(
                    codes.file(), "tensor '%s': integers in the order of activations are not read".formatted(order));
        }
        TensorInfo scale = checkpoint.tensor(names.scale());
        return new WeightTensors(Kind.INT_PACKED, codes, Optional.of(scale), Optional.empty());
    }

    private static WeightTensors fourBit(
            Checkpoint checkpoint, String module, TensorInfo codes, Kind nvfp4, TensorNames names) {
        TensorInfo scale = scale(checkpoint, module, names);
        if (isE8m0(scale) && !checkpoint.has(names.secondScale())) {
            return new WeightTensors(Kind.MXFP4, codes, Optional.of(scale), Optional.empty());
        }
        if (codes.dtype() == DType.I8) {
            throw new CheckpointException(
                    codes.file(),
                    "tensor '%s': wanted E8M0 scales beside I8 codes, found %s; integers of one byte are not read"
                            .formatted(codes.name(), scale.typeText()));
        }
        return new WeightTensors(nvfp4, codes, Optional.of(scale), Optional.of(checkpoint.tensor(names.secondScale())));
    }

    private static WeightTensors eightBit(Checkpoint checkpoint, String module, TensorInfo weight) {
        TensorInfo scale = scale(checkpoint, module, Dialect.MODELOPT.module(module));
        return new WeightTensors(eightBitKind(weight, scale), weight, Optional.of(scale), Optional.empty());
    }

    private static TensorInfo scale(Checkpoint checkpoint, String module, TensorNames names) {
        return checkpoint.tensor(StoredNames.scale(checkpoint::has, module).orElse(names.scale()));
    }

    private static Kind eightBitKind(TensorInfo weight, TensorInfo scale) {
        Shape shape = scale.shape();
        boolean matrix = weight.shape().rank() == 2;
        long rows = matrix ? weight.shape().dim(0) : 1;
        long columns = matrix ? weight.shape().dim(1) : 1;
        if (isE8m0(scale) && shape.equals(Shape.of(rows, Math.ceilDiv(columns, MX_BLOCK)))) {
            return Kind.MXFP8;
        }
        boolean inverse = scale.name().endsWith("_inv");
        if (shape.rank() == 4 || (inverse && shape.rank() == 2 && shape.elements() == 1)) {
            return Kind.FP8_BLOCK; // of rank 4: ModelOpt's blocks, (block rows, 1, block columns, 1)
        }
        if (shape.elements() == 1) {
            return Kind.FP8_TENSOR;
        }
        boolean perRow = shape.elements() == rows && shape.dim(0) == rows;
        return perRow ? Kind.FP8_CHANNEL : Kind.FP8_BLOCK;
    }
}
