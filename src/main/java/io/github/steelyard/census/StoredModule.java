package io.github.steelyard.census;

import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.weights.WeightTensors.Kind;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/// The tensors of a checkpoint that share a module's name.
///
/// @param name the module: `model.layers.0.mlp.experts.3.up_proj`; of experts fused into one tensor, that tensor
/// @param parts its tensors
/// @param tensors those of its weight, if the weight is complete
public record StoredModule(String name, Map<Part, TensorInfo> parts, Optional<WeightTensors> tensors) {

    /// How a weight is stored, read off the tensors.
    public enum Stored {
        PLAIN("plain"),
        FP8("FP8"),
        NVFP4("NVFP4"),
        MXFP4("MXFP4"),
        MXFP8("MXFP8"),
        INTEGERS("integers"),
        /// Codes of a known width whose scales are missing, or something else.
        UNKNOWN("unknown"),
        /// Scales without a weight.
        NONE("no weight");

        private final String text;

        Stored(String text) {
            this.text = text;
        }

        /// Returns the name for people.
        public String text() {
            return text;
        }
    }

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

    /// Returns the storage format.
    public Stored stored() {
        Optional<TensorInfo> weight = weight();
        if (weight.isEmpty()) {
            return Stored.NONE;
        }
        DType scaleType = scale().map(TensorInfo::dtype).orElse(DType.F32);
        boolean powerScales = scaleType == DType.U8 || scaleType == DType.F8_E8M0;
        if (has(Part.BLOCKS)) {
            return Stored.MXFP4;
        }
        return switch (weight.get().dtype()) {
            case U8, F4, I8 -> scale().isEmpty() && globalScale().isEmpty() ? Stored.UNKNOWN : fourBit(powerScales);
            case F8_E4M3, F8_E5M2 ->
                powerScales && scaleCoversBlocks(weight.get())
                        ? Stored.MXFP8
                        : globalScale().isPresent() ? Stored.UNKNOWN : Stored.FP8;
            case I32 -> has(Part.WEIGHT_PACKED) ? Stored.INTEGERS : Stored.UNKNOWN;
            case F32, F16, BF16, F64 -> Stored.PLAIN;
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I16, U16, U32, C64, I64, U64 -> Stored.UNKNOWN;
        };
    }

    /// Returns the storage format in full, empty if the weight is not complete.
    public Optional<Kind> kind() {
        return tensors.map(WeightTensors::kind);
    }

    /// Returns whether the weight is codes, complete or not.
    public boolean isQuantised() {
        return stored() != Stored.PLAIN && stored() != Stored.NONE;
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
                || scale().map(tensor -> tensor.shape().equals(Shape.of(shape.dim(0), Math.ceilDiv(shape.dim(1), 32L))))
                        .orElse(false);
    }

    private Stored fourBit(boolean powerScales) {
        return powerScales && globalScale().isEmpty() ? Stored.MXFP4 : Stored.NVFP4;
    }
}
