/// The weights of a checkpoint as they are stored: found by the tensors beside them, stacks of experts included.
@NullMarked
package io.github.steelyard.weights;

import org.jspecify.annotations.NullMarked;
