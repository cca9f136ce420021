/// The JSON Schema of recipes, made from what reads them.
@NullMarked
package io.github.steelyard.schema;

import org.jspecify.annotations.NullMarked;
