/// What the loaders of serving engines make of a directory, as data.
@NullMarked
package io.github.steelyard.loader;

import org.jspecify.annotations.NullMarked;
