/// The job that makes one run of runs over parts of a text.
@NullMarked
package io.github.steelyard.merge;

import org.jspecify.annotations.NullMarked;
