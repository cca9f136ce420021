package io.github.steelyard.checkpoint;

import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.nio.file.Path;

/// One tensor of a checkpoint: where it lies and what it is, not its data.
///
/// @param name the name in the header
/// @param dtype the element type
/// @param shape the extents; for packed formats the stored ones
/// @param file the shard that holds it
/// @param offset where its bytes begin, in bytes from the start of `file`
/// @param byteSize how many bytes it has: the element count times the element size
public record TensorInfo(String name, DType dtype, Shape shape, Path file, long offset, long byteSize) {

    /// Returns dtype and shape for messages: `BF16 [16, 32]`.
    public String typeText() {
        return "%s %s".formatted(dtype, shape);
    }
}
