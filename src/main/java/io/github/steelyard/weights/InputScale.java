package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.StoredNames;
import java.util.Optional;

/// The static scale of a module's input, as it lies in a checkpoint.
///
/// @param tensor where it lies
/// @param reciprocal whether the tensor holds the reciprocal of the scale
public record InputScale(TensorInfo tensor, boolean reciprocal) {

    /// Returns the scale of a module, under the names of any dialect, if the checkpoint has one.
    public static Optional<InputScale> of(Checkpoint checkpoint, String module) {
        return StoredNames.input(checkpoint::has, module)
                .map(input -> new InputScale(checkpoint.tensor(input.name()), input.reciprocal()));
    }

    /// Returns the scale that all experts of a stack share, if the checkpoint has one.
    public static Optional<InputScale> ofStack(Checkpoint checkpoint, String stack) {
        return Dialect.MODELOPT.stack(stack).inputScales().stream()
                .filter(checkpoint::has)
                .findFirst()
                .map(name -> new InputScale(checkpoint.tensor(name), false));
    }
}
