/// The tables of a serving engine as data, the language of their conditions, and what these are asked about.
@NullMarked
package io.github.steelyard.catalogue;

import org.jspecify.annotations.NullMarked;
