/// Writes checkpoints of random weights in the shape of a config.
@NullMarked
package io.github.steelyard.synthesis;

import org.jspecify.annotations.NullMarked;
