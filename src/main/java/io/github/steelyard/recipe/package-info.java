/// YAML recipes as records.
@NullMarked
package io.github.steelyard.recipe;

import org.jspecify.annotations.NullMarked;
