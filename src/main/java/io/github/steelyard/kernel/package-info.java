/// Arithmetic on float32 arrays: a plain reference and a SIMD path.
@NullMarked
package io.github.steelyard.kernel;

import org.jspecify.annotations.NullMarked;
