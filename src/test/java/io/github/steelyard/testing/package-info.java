/// Helpers of the tests: reference data, its file formats, and a writer of good and hostile checkpoints.
@NullMarked
package io.github.steelyard.testing;

import org.jspecify.annotations.NullMarked;
