package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

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
        if (checkpoint.has(module + ".weight_packed")) {
            return packed(checkpoint, module);
        }
        TensorInfo weight = checkpoint.tensor(module + ".weight");
        return switch (weight.dtype()) {
            case U8, F4, I8 -> fourBit(checkpoint, module, weight);
            case F8_E4M3, F8_E5M2 -> eightBit(checkpoint, module, weight);
            default -> new WeightTensors(Kind.PLAIN, weight, Optional.empty(), Optional.empty());
        };
    }

    /// Returns the names of the tensors that [#detect] would miss, none if the weight is complete.
    public static List<String> missing(Checkpoint checkpoint, String module) {
        boolean packed = checkpoint.has(module + ".weight_packed");
        if (!packed && !checkpoint.has(module + ".weight")) {
            return List.of(module + ".weight");
        }
        DType codes = checkpoint
                .tensor(module + (packed ? ".weight_packed" : ".weight"))
                .dtype();
        Optional<String> scale = ScaleNames.weight(checkpoint, module);
        String global = module + (packed ? ".weight_global_scale" : ".weight_scale_2");
        return switch (codes) {
            case U8, F4, I8 -> {
                if (scale.isEmpty()) {
                    yield List.of(module + ".weight_scale");
                }
                boolean complete = isE8m0(checkpoint.tensor(scale.get())) || checkpoint.has(global);
                yield complete ? List.of() : List.of(global);
            }
            case F8_E4M3, F8_E5M2, I32 -> scale.isEmpty() ? List.of(module + ".weight_scale") : List.of();
            default -> List.of();
        };
    }

    /// Finds the tensors of a stack, [FusedStack#tensor()] and what lies beside it.
    ///
    /// @throws CheckpointException if one is missing
    public static WeightTensors ofStack(Checkpoint checkpoint, String stack) {
        if (checkpoint.has(stack + "_blocks")) {
            TensorInfo scales = checkpoint.tensor(stack + "_scales");
            return new WeightTensors(
                    Kind.MXFP4, checkpoint.tensor(stack + "_blocks"), Optional.of(scales), Optional.empty());
        }
        TensorInfo weight = checkpoint.tensor(stack);
        return switch (weight.dtype()) {
            case U8, F4 ->
                new WeightTensors(
                        Kind.NVFP4,
                        weight,
                        Optional.of(checkpoint.tensor(stack + "_weight_scale")),
                        Optional.of(checkpoint.tensor(stack + "_weight_scale_2")));
            case F8_E4M3, F8_E5M2 -> {
                Optional<String> inverse = inverseScale(checkpoint, stack);
                yield new WeightTensors(
                        inverse.isPresent() ? Kind.FP8_BLOCK : Kind.FP8_TENSOR,
                        weight,
                        Optional.of(checkpoint.tensor(inverse.orElse(stack + "_weight_scale"))),
                        Optional.empty());
            }
            default -> new WeightTensors(Kind.PLAIN, weight, Optional.empty(), Optional.empty());
        };
    }

    /// Returns the names of the tensors that [#ofStack] would miss, none if the stack is complete.
    public static List<String> missingOfStack(Checkpoint checkpoint, String stack) {
        List<String> needed = new ArrayList<>();
        if (checkpoint.has(stack + "_blocks")) {
            needed.add("_scales");
        } else if (!checkpoint.has(stack)) {
            needed.add("");
        } else {
            switch (checkpoint.tensor(stack).dtype()) {
                case U8, F4 -> needed.addAll(List.of("_weight_scale", "_weight_scale_2"));
                case F8_E4M3, F8_E5M2 -> {
                    if (inverseScale(checkpoint, stack).isEmpty()) {
                        needed.add("_weight_scale");
                    }
                }
                default -> {}
            }
        }
        return needed.stream()
                .map(suffix -> stack + suffix)
                .filter(name -> !checkpoint.has(name))
                .toList();
    }

    private static Optional<String> inverseScale(Checkpoint checkpoint, String stack) {
        return Stream.of("_weight_scale_inv", "_scale_inv")
                .map(suffix -> stack + suffix)
                .filter(checkpoint::has)
                .findFirst();
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

    private static WeightTensors packed(Checkpoint checkpoint, String module) {
        TensorInfo codes = checkpoint.tensor(module + ".weight_packed");
        if (codes.dtype() == DType.I32) {
            return integers(checkpoint, module, codes);
        }
        if (codes.dtype() != DType.U8) {
            throw new CheckpointException(
                    codes.file(),
                    "tensor '%s': wanted U8 codes of NVFP4 or MXFP4, or I32 words of integers, found %s"
                            .formatted(codes.name(), codes.typeText()));
        }
        return fourBit(checkpoint, module, codes, Kind.NVFP4_PACKED, ".weight_global_scale");
    }

    private static WeightTensors integers(Checkpoint checkpoint, String module, TensorInfo codes) {
        if (checkpoint.has(module + ".weight_g_idx")) {
            throw new CheckpointException(
                    codes.file(),
                    "tensor '%s.weight_g_idx': integers in the order of activations are not read".formatted(module));
        }
        TensorInfo scale = checkpoint.tensor(module + ".weight_scale");
        return new WeightTensors(Kind.INT_PACKED, codes, Optional.of(scale), Optional.empty());
    }

    private static WeightTensors fourBit(Checkpoint checkpoint, String module, TensorInfo weight) {
        return fourBit(checkpoint, module, weight, Kind.NVFP4, ".weight_scale_2");
    }

    private static WeightTensors fourBit(
            Checkpoint checkpoint, String module, TensorInfo codes, Kind nvfp4, String globalSuffix) {
        TensorInfo scale =
                checkpoint.tensor(ScaleNames.weight(checkpoint, module).orElse(module + ".weight_scale"));
        if (isE8m0(scale) && !checkpoint.has(module + globalSuffix)) {
            return new WeightTensors(Kind.MXFP4, codes, Optional.of(scale), Optional.empty());
        }
        if (codes.dtype() == DType.I8) {
            throw new CheckpointException(
                    codes.file(),
                    "tensor '%s': wanted E8M0 scales beside I8 codes, found %s; integers of one byte are not read"
                            .formatted(codes.name(), scale.typeText()));
        }
        return new WeightTensors(
                nvfp4, codes, Optional.of(scale), Optional.of(checkpoint.tensor(module + globalSuffix)));
    }

    private static WeightTensors eightBit(Checkpoint checkpoint, String module, TensorInfo weight) {
        TensorInfo scale =
                checkpoint.tensor(ScaleNames.weight(checkpoint, module).orElse(module + ".weight_scale"));
        return new WeightTensors(eightBitKind(weight, scale), weight, Optional.of(scale), Optional.empty());
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
