/// The passes of a run: the one that measures, those that solve, and the memory that they need.
@NullMarked
package io.github.steelyard.passes;

import org.jspecify.annotations.NullMarked;
