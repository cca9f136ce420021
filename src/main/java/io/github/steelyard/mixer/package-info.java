/// The bodies that mix tokens: attention in its variants, and the recurrences.
@NullMarked
package io.github.steelyard.mixer;

import org.jspecify.annotations.NullMarked;
