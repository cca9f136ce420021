/// Calibration text: tokenizer, samples, packing.
@NullMarked
package io.github.steelyard.corpus;

import org.jspecify.annotations.NullMarked;
