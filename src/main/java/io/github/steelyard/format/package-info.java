/// Number formats: element codes, block layouts, and the weights stored in them.
@NullMarked
package io.github.steelyard.format;

import org.jspecify.annotations.NullMarked;
