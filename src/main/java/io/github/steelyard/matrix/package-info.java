/// The seam of matrix products: what a product is given, what it promises, and what several products share.
@NullMarked
package io.github.steelyard.matrix;

import org.jspecify.annotations.NullMarked;
