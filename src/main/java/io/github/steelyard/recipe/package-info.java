/// YAML recipes, resolved against one checkpoint.
@NullMarked
package io.github.steelyard.recipe;

import org.jspecify.annotations.NullMarked;
