/// Native libraries on their way from the class path to the loader: what is in them, and where they may lie.
@NullMarked
package io.github.steelyard.natives;

import org.jspecify.annotations.NullMarked;
