/// Model families as data: which known blocks a model is made of, under which names, of which sizes.
@NullMarked
package io.github.steelyard.blueprint;

import org.jspecify.annotations.NullMarked;
