/// The range that a quantizer of activations covers, chosen from the distribution of what it saw.
@NullMarked
package io.github.steelyard.range;

import org.jspecify.annotations.NullMarked;
