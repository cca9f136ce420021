/// Searches for scales that look at weights alone: the plain loops that specify them, and fast forms with the same
/// bytes.
@NullMarked
package io.github.steelyard.search;

import org.jspecify.annotations.NullMarked;
