package io.github.steelyard.tensor;

import java.util.List;
import java.util.stream.LongStream;

/// The extents of a tensor, outermost first; a scalar has none.
///
/// @param dims the extents, each at least 0
public record Shape(List<Long> dims) {

    /// @throws IllegalArgumentException if an extent is negative or the element count overflows 63 bits
    public Shape {
        dims = List.copyOf(dims);
        checkedElements(dims);
    }

    /// Returns the shape with these extents.
    public static Shape of(long... dims) {
        return new Shape(LongStream.of(dims).boxed().toList());
    }

    /// Returns the number of extents, 0 for a scalar.
    public int rank() {
        return dims.size();
    }

    /// Returns extent `axis`; a negative axis counts from the last.
    public long dim(int axis) {
        return dims.get(axis < 0 ? dims.size() + axis : axis);
    }

    /// Returns the number of elements: the product of the extents, 1 for a scalar.
    public long elements() {
        return checkedElements(dims);
    }

    @Override
    public String toString() {
        return dims.toString();
    }

    private static long checkedElements(List<Long> dims) {
        long elements = 1;
        for (long dim : dims) {
            if (dim < 0) {
                throw new IllegalArgumentException("negative extent in shape %s".formatted(dims));
            }
            try {
                elements = Math.multiplyExact(elements, dim);
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException("element count of shape %s overflows 63 bits".formatted(dims), e);
            }
        }
        return elements;
    }
}
