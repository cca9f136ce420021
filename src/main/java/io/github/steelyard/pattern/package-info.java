/// Patterns of module names as configs write them: globs and regular expressions.
@NullMarked
package io.github.steelyard.pattern;

import org.jspecify.annotations.NullMarked;
