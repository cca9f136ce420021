/// Arithmetic on float32 arrays: a plain reference, a SIMD path, and the matrix product behind a provider.
@NullMarked
package io.github.steelyard.kernel;

import org.jspecify.annotations.NullMarked;
