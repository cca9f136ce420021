/// Model families: a config becomes a decoder composed of blocks.
@NullMarked
package io.github.steelyard.family;

import org.jspecify.annotations.NullMarked;
