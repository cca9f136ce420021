/// The Jinja language as far as chat templates use it: texts to statements and expressions.
@NullMarked
package io.github.steelyard.jinja;

import org.jspecify.annotations.NullMarked;
