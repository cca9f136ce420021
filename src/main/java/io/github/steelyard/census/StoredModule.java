package io.github.steelyard.census;

import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.WeightTensors;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The tensors of a checkpoint that share a module's name.
///
/// @param name the module: `model.layers.0.mlp.experts.3.up_proj`; of experts fused into one tensor, that tensor
/// @param parts its tensors
/// @param tensors those of its weight, if the weight is complete
public record StoredModule(String name, Map<Part, TensorInfo> parts, Optional<WeightTensors> tensors) {

    private static final Set<DType> REAL = Set.of(DType.F32, DType.BF16, DType.F16);

    public StoredModule {
        parts = Collections.unmodifiableMap(new EnumMap<>(parts));
    }

    /// Returns the tensor that holds the weight.
    public Optional<TensorInfo> weight() {
        return part(Part.WEIGHT).or(() -> part(Part.WEIGHT_PACKED)).or(() -> part(Part.BLOCKS));
    }

    /// Returns one of its tensors.
    public Optional<TensorInfo> part(Part part) {
        return Optional.ofNullable(parts.get(part));
    }

    /// Returns whether it has such a tensor.
    public boolean has(Part part) {
        return parts.containsKey(part);
    }

    /// Returns the scales that go with the weight: per tensor, channel or block.
    public Optional<TensorInfo> scale() {
        return part(Part.WEIGHT_SCALE).or(() -> part(Part.WEIGHT_SCALE_INV)).or(() -> part(Part.SCALES));
    }

    /// Returns the scale of the input.
    public Optional<TensorInfo> inputScale() {
        return part(Part.INPUT_SCALE).or(() -> part(Part.INPUT_GLOBAL_SCALE));
    }

    /// Returns the second-level scale of NVFP4.
    public Optional<TensorInfo> globalScale() {
        return part(Part.WEIGHT_SCALE_2).or(() -> part(Part.WEIGHT_GLOBAL_SCALE));
    }

    /// Returns what the weight's codes are, whether or not its scales are complete; empty if there is no weight, or if
    /// the tensors do not tell.
    public Optional<Coding> coding() {
        return weight().flatMap(this::coding);
    }

    private Optional<Coding> coding(TensorInfo weight) {
        Optional<DType> scaleType = scale().map(TensorInfo::dtype);
        boolean powerScales = scaleType
                .filter(type -> type == DType.U8 || type == DType.F8_E8M0)
                .isPresent();
        if (has(Part.BLOCKS)) {
            return Optional.of(Coding.MXFP4);
        }
        return switch (weight.dtype()) {
            case U8, F4, I8 ->
                scale().isEmpty() && globalScale().isEmpty()
                        ? Optional.empty()
                        : Optional.of(fourBit(weight, scaleType, powerScales));
            case F8_E4M3, F8_E5M2 ->
                powerScales && scaleCoversBlocks(weight)
                        ? Optional.of(Coding.MXFP8)
                        : globalScale().isPresent() ? Optional.empty() : Optional.of(Coding.FP8);
            case I32 -> has(Part.WEIGHT_PACKED) ? Optional.of(Coding.INTEGERS) : Optional.empty();
            case F32, F16, BF16, F64 -> Optional.of(Coding.PLAIN);
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, U32, C64, I64, U64 -> Optional.empty();
        };
    }

    /// Returns the storage format in full, empty if the weight is not complete.
    public Optional<Format> format() {
        return tensors.map(WeightTensors::format);
    }

    /// Returns whether the weight is of this family.
    public boolean is(Coding coding) {
        return coding().equals(Optional.of(coding));
    }

    /// Returns what the codes are, in words; a weight there must be.
    public String codingText() {
        return coding().map(Coding::text).orElse("unknown");
    }

    /// Returns whether the weight is codes, complete or not.
    public boolean isQuantised() {
        return weight().isPresent() && !is(Coding.PLAIN);
    }

    /// Returns whether this is a tensor of all experts of a layer, in codes.
    public boolean isStack() {
        return weight().filter(tensor -> tensor.name().equals(name)
                        && name.endsWith("_proj")
                        && tensor.shape().rank() == 3
                        && (tensor.dtype() == DType.U8 || tensor.dtype() == DType.F8_E4M3))
                .isPresent();
    }

    /// Returns whether this is a matrix under a module's name.
    public boolean isMatrix() {
        return (has(Part.WEIGHT) || has(Part.WEIGHT_PACKED))
                && weight().filter(tensor -> tensor.shape().rank() == 2
                                && !tensor.name().equals(name)
                                && holdsWeights(tensor.dtype()))
                        .isPresent();
    }

    private static boolean holdsWeights(DType dtype) {
        return switch (dtype) {
            case F32, F16, BF16, F8_E4M3, F8_E5M2, U8, F4, I8, I32 -> true;
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, U32, C64, F64, I64, U64 -> false;
        };
    }

    /// Returns whether there is a scale for each row and 32 columns, as in MXFP8, and not for blocks of both.
    private boolean scaleCoversBlocks(TensorInfo weight) {
        Shape shape = weight.shape();
        return shape.rank() != 2
                || scale().map(tensor -> tensor.shape().equals(Shape.of(shape.dim(0), Math.ceilDiv(shape.dim(1), (long)
                                Format.MXFP8.block()))))
                        .orElse(false);
    }

    private Coding fourBit(TensorInfo weight, Optional<DType> scaleType, boolean powerScales) {
        boolean real = scaleType.filter(REAL::contains).isPresent();
        boolean pairs =
                scale().filter(found -> WeightTensors.isInPairs(weight, found)).isPresent();
        if (real && (weight.dtype() == DType.I8 || pairs)) {
            return Coding.INTEGERS;
        }
        return powerScales && globalScale().isEmpty() ? Coding.MXFP4 : Coding.NVFP4;
    }
}
