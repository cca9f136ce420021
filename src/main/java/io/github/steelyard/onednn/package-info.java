/// Matrix products by oneDNN: float32, and float32 from three of bf16.
@NullMarked
package io.github.steelyard.onednn;

import org.jspecify.annotations.NullMarked;
