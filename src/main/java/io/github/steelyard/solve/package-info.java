/// Weights and scales that are chosen by looking at a weight and at what is multiplied with it: what is observed of
/// inputs, plain loops, fast forms.
@NullMarked
package io.github.steelyard.solve;

import org.jspecify.annotations.NullMarked;
