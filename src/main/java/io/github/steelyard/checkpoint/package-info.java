/// Reads and writes safetensors checkpoints. Nothing that a file says is trusted.
@NullMarked
package io.github.steelyard.checkpoint;

import org.jspecify.annotations.NullMarked;
