package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.weights.InputScale;
import io.github.steelyard.weights.MxScales;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.weights.WeightTensors.Kind;
import io.github.steelyard.weights.Weights;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/// A module of a checkpoint that is verified: its weight's tensors, and the scale of its input.
///
/// @param name the module's name; of experts fused into one tensor, that tensor's
/// @param tensors the weight's tensors
/// @param weights the checkpoint's weights
record StoredModule(String name, WeightTensors tensors, Weights weights) {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// A scale that a checkpoint holds.
    ///
    /// @param tensor name of its tensor
    /// @param stored the value there
    /// @param range the codes' range: amax is `scale · range`
    /// @param reciprocal whether the tensor holds the reciprocal of the scale
    record Scale(String tensor, float stored, float range, boolean reciprocal) {

        /// Returns the scale as a multiplier.
        float value() {
            return reciprocal ? 1 / stored : stored;
        }

        /// Returns the amax that the scale was made from, in the tensor's units.
        double amax() {
            return (double) value() * range;
        }
    }

    boolean isQuantised() {
        return tensors.kind() != Kind.PLAIN;
    }

    boolean isNvfp4() {
        return tensors.kind() == Kind.NVFP4 || tensors.kind() == Kind.NVFP4_PACKED;
    }

    /// Returns whether this is a tensor of all experts.
    boolean isStack() {
        return tensors.weight().name().equals(name);
    }

    long rows() {
        return tensors.weight().shape().dim(0);
    }

    /// Returns the input features: twice the stored columns for codes of four bits in bytes; of integers in words what
    /// the checkpoint says.
    long columns() {
        long stored = tensors.weight().shape().dim(1);
        if (tensors.kind() == Kind.INT_PACKED) {
            String shape = name + ".weight_shape";
            Checkpoint checkpoint = weights.checkpoint();
            boolean said = checkpoint.has(shape) && checkpoint.tensor(shape).byteSize() == 2 * Long.BYTES;
            return said
                    ? checkpoint.bytes(checkpoint.tensor(shape)).get(LONG, Long.BYTES)
                    : stored * (Integer.SIZE / 4);
        }
        return isNvfp4() || tensors.kind() == Kind.MXFP4 ? 2 * stored : stored;
    }

    /// Returns the scale of the whole weight, where there is one.
    Optional<Scale> weightScale() {
        return switch (tensors.kind()) {
            case FP8_TENSOR -> tensors.scale().flatMap(tensor -> scale(tensor, false));
            case NVFP4 -> tensors.globalScale().flatMap(tensor -> scale(tensor, false));
            case NVFP4_PACKED -> tensors.globalScale().flatMap(tensor -> scale(tensor, true));
            case PLAIN, FP8_CHANNEL, FP8_BLOCK, MXFP4, MXFP8, INT_PACKED -> Optional.empty();
        };
    }

    /// Returns the static scale of the input, where there is one.
    Optional<Scale> inputScale() {
        Checkpoint checkpoint = weights.checkpoint();
        Optional<InputScale> input = isStack() ? InputScale.ofStack(checkpoint, name) : InputScale.of(checkpoint, name);
        return input.flatMap(scale -> scale(scale.tensor(), scale.reciprocal()));
    }

    /// Returns the values of `tensor`, flattened.
    float[] values(TensorInfo tensor) {
        return MxScales.arePowers(tensor)
                ? MxScales.values(weights.checkpoint(), tensor)
                : weights.vector(tensor.name(), tensor.shape());
    }

    private Optional<Scale> scale(TensorInfo tensor, boolean reciprocal) {
        if (tensor.shape().elements() != 1) {
            return Optional.empty();
        }
        float range = isNvfp4() ? Nvfp4.RANGE : E4m3.MAX;
        return Optional.of(new Scale(tensor.name(), values(tensor)[0], range, reciprocal));
    }
}
