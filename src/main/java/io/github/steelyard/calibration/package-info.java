/// Calibrators: what they want to be observed, and the scales, block scales and factors that they make of it.
@NullMarked
package io.github.steelyard.calibration;

import org.jspecify.annotations.NullMarked;
