/// Shapes, storage types and float32 matrices. No arithmetic beyond indexing.
@NullMarked
package io.github.steelyard.tensor;

import org.jspecify.annotations.NullMarked;
