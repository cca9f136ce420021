/// Writes scales and servable checkpoints, and verifies what was written.
@NullMarked
package io.github.steelyard.export;

import org.jspecify.annotations.NullMarked;
