package io.github.steelyard.layout;

import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.stream.Stream;

/// Tensors that are made together, and what of: one, or the codes and the scales of a weight.
///
/// @param tensors the tensors, in the order in which `content` gives their bytes
/// @param content where the bytes come from
public record OutputTensors(List<Planned> tensors, TensorContent content) {

    public OutputTensors {
        tensors = List.copyOf(tensors);
    }

    /// Returns a tensor that is made by itself.
    public static OutputTensors of(String name, DType dtype, Shape shape, TensorContent content) {
        return new OutputTensors(List.of(new Planned(name, dtype, shape)), content);
    }

    /// Returns the names.
    public Stream<String> names() {
        return tensors.stream().map(Planned::name);
    }

    /// Returns the size in bytes of all together.
    public long byteSize() {
        return tensors.stream().mapToLong(Planned::byteSize).sum();
    }
}
