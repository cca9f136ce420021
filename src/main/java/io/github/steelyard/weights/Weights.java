package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The weights of a model, as a pass multiplies by them and an export writes them: those of a checkpoint, or others
/// that lie over some of these; and what adapters add to the products with them.
public interface Weights {

    /// Returns what is stored, whatever lies over it.
    CheckpointWeights stored();

    /// Returns the weight `(rows, columns)` that lies over the stored one of `module`, if one does.
    Optional<StoredWeight> replacement(String module);

    /// Returns the names of the tensors of plain values, weights of linear layers not among them, over which others
    /// lie.
    default Set<String> changed() {
        return Set.of();
    }

    /// Returns what adapters add to the product of `module`, in the order of their variants.
    List<LowRank> additions(String module);

    /// Returns the checkpoint that these weights lie in, or over: it has the names and formats of what is stored.
    default Checkpoint checkpoint() {
        return stored().checkpoint();
    }

    /// Returns tensor `name` as a matrix of plain values.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is missing, not `(rows, columns)`, or not of plain
    /// values
    StoredWeight plain(String name, int rows, int columns);

    /// Returns the values of tensor `name`, which must have exactly `length` elements.
    default float[] vector(String name, int length) {
        return vector(name, Shape.of(length));
    }

    /// Returns the values of tensor `name`, flattened.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is missing, not of `shape`, or not of plain values
    default float[] vector(String name, Shape shape) {
        return vector(name, shape, 0, Math.toIntExact(shape.elements()));
    }

    /// Returns `length` values of tensor `name`, flattened, from value `from` on.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is missing, not of `shape`, or not of plain values
    float[] vector(String name, Shape shape, int from, int length);
}
