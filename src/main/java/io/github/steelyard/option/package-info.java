/// Options that commands share, and the forms of their values.
@NullMarked
package io.github.steelyard.option;

import org.jspecify.annotations.NullMarked;
