/// Quantizer schemes, fake quantization and the tap that applies it.
@NullMarked
package io.github.steelyard.quant;

import org.jspecify.annotations.NullMarked;
