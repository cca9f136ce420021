/// Which tensors each module, stack and cache of a model gives a checkpoint, and what they hold.
@NullMarked
package io.github.steelyard.layout;

import org.jspecify.annotations.NullMarked;
