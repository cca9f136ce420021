/// Says how two runs, two checkpoints or two recipes differ.
@NullMarked
package io.github.steelyard.difference;

import org.jspecify.annotations.NullMarked;
