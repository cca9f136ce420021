/// The matrix product behind a provider: plain, Vector API, oneDNN, or one from the class path.
@NullMarked
package io.github.steelyard.gemm;

import org.jspecify.annotations.NullMarked;
