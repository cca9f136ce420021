/// Which MoE kernel backend a serving engine picks by its catalogue, why, and what it hides.
@NullMarked
package io.github.steelyard.oracle;

import org.jspecify.annotations.NullMarked;
