package io.github.steelyard.audit;

import io.github.steelyard.census.ScanResult;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.model.Decoder;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// A checkpoint with all that the checks look at.
///
/// @param checkpoint the checkpoint
/// @param stored its modules
/// @param decoder its model, if it is known
/// @param parts what the model reads
/// @param readable whether the bytes of a tensor are there
/// @param values what the scan of each readable tensor found, in the order of the checkpoint
record Subject(
        Checkpoint checkpoint,
        StoredModules stored,
        Optional<Decoder> decoder,
        ModelParts parts,
        Predicate<TensorInfo> readable,
        Map<TensorInfo, ScanResult> values) {

    /// Returns the value of a scale that holds a single readable one.
    Optional<Float> single(TensorInfo scale) {
        return values.get(scale) instanceof ScanResult.Scales scales ? scales.single() : Optional.empty();
    }

    /// Returns whether all bytes of a module are there.
    boolean isReadable(StoredModule module) {
        return module.parts().values().stream().allMatch(readable);
    }
}
