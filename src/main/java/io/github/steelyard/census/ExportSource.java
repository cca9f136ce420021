package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.JoinedProjections;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// What is exported: weights, and the model that they are of.
///
/// @param weights the weights; their checkpoint must stay open while the export runs
/// @param decoder its model
public record ExportSource(Weights weights, Decoder decoder) {

    /// Returns a checkpoint as it is stored.
    public static ExportSource of(Checkpoint checkpoint, Decoder decoder) {
        return new ExportSource(new CheckpointWeights(checkpoint), decoder);
    }

    /// Returns the checkpoint that the weights lie in, or over.
    public Checkpoint checkpoint() {
        return weights.checkpoint();
    }

    /// Returns every module with a weight: the model's, and those that lie quantised in the checkpoint and belong to a
    /// part that is not run, such as a prediction head for several tokens.
    public List<SourceModule> modules() {
        List<Linear> linears = new ArrayList<>(decoder.linears());
        Set<String> known = linears.stream().map(linear -> linear.info().name()).collect(Collectors.toSet());
        for (TensorInfo tensor : checkpoint().tensors().values()) {
            String module = tensor.name().substring(0, Math.max(tensor.name().lastIndexOf('.'), 0));
            if (isQuantised(tensor) && known.add(module)) {
                int columns = Math.toIntExact(tensor.shape().dim(1) * (tensor.dtype() == DType.U8 ? 2 : 1));
                int rows = Math.toIntExact(tensor.shape().dim(0));
                linears.add(Linear.of(new ModuleInfo(module, ModuleInfo.Kind.LINEAR, rows, columns, -1, List.of(module))
                        .joinedAs(JoinedProjections.of(module))));
            }
        }
        return linears.stream().map(linear -> SourceModule.of(linear, weights)).toList();
    }

    private static boolean isQuantised(TensorInfo tensor) {
        boolean name = StoredNames.isWeight(tensor.name());
        boolean codes = switch (tensor.dtype()) {
            case U8, F4, F8_E4M3, F8_E5M2 -> true;
            case BOOL, F6_E2M3, F6_E3M2, F8_E8M0, I8, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64 -> false;
        };
        return name && codes && tensor.shape().rank() == 2;
    }
}
