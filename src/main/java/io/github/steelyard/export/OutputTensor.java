package io.github.steelyard.export;

import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;

/// One tensor to be written.
///
/// @param name its name in the export
/// @param dtype element type
/// @param shape extents
/// @param content where its bytes come from
record OutputTensor(String name, DType dtype, Shape shape, TensorContent content) {

    /// Returns a scalar, as ModelOpt writes scales: F32 without extents.
    static OutputTensor scalar(String name, float value) {
        return new OutputTensor(name, DType.F32, Shape.of(), new TensorContent.Floats(List.of(value)));
    }

    /// Returns the size in bytes.
    long byteSize() {
        return shape.elements() * dtype.bits() / Byte.SIZE;
    }
}
