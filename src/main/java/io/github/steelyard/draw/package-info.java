/// How much of its data a calibration draws: rounds, whether there is enough, what was drawn.
@NullMarked
package io.github.steelyard.draw;

import org.jspecify.annotations.NullMarked;
