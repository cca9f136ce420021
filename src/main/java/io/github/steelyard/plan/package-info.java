/// A recipe's rules resolved against one model: what every quantizer is, and whether that can be calibrated and served.
@NullMarked
package io.github.steelyard.plan;

import org.jspecify.annotations.NullMarked;
