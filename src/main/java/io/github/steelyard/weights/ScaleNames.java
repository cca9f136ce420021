package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import java.util.List;
import java.util.Optional;

/// What may lie beside a module's weight, under every name that is read.
public final class ScaleNames {

    /// Scales of FP8 and MX codes, all multipliers: DeepSeek's and transformers' name, that of all others, and that of
    /// DeepSeek's own code.
    static final List<String> WEIGHT = List.of(".weight_scale_inv", ".weight_scale", ".scale");

    private static final List<String> INPUT = List.of(".input_scale", ".activation_scale");
    private static final String INPUT_RECIPROCAL = ".input_global_scale";

    /// Suffixes of everything that belongs to a linear module: weight, scales, zero points and the input's scale.
    public static final List<String> LINEAR = List.of(
            ".weight",
            ".weight_packed",
            ".weight_shape",
            ".weight_zero_point",
            ".weight_scale",
            ".weight_scale_inv",
            ".weight_scale_2",
            ".weight_global_scale",
            ".scale",
            ".input_scale",
            ".activation_scale",
            ".input_global_scale");

    private ScaleNames() {}

    /// The static scale of a module's input.
    ///
    /// @param tensor where it lies
    /// @param reciprocal whether the tensor holds the reciprocal of the scale
    public record InputScale(TensorInfo tensor, boolean reciprocal) {}

    /// Returns the static scale of a module's input, if the checkpoint has one.
    public static Optional<InputScale> input(Checkpoint checkpoint, String module) {
        Optional<InputScale> multiplier = INPUT.stream()
                .map(suffix -> module + suffix)
                .filter(checkpoint::has)
                .findFirst()
                .map(name -> new InputScale(checkpoint.tensor(name), false));
        return multiplier.isPresent() || !checkpoint.has(module + INPUT_RECIPROCAL)
                ? multiplier
                : Optional.of(new InputScale(checkpoint.tensor(module + INPUT_RECIPROCAL), true));
    }

    /// Returns the name of the scale of a weight, if the checkpoint has one.
    static Optional<String> weight(Checkpoint checkpoint, String module) {
        return WEIGHT.stream()
                .map(suffix -> module + suffix)
                .filter(checkpoint::has)
                .findFirst();
    }
}
