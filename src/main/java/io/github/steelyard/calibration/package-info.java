/// The calibration run: statistics, coverage, state on disk, provenance.
@NullMarked
package io.github.steelyard.calibration;

import org.jspecify.annotations.NullMarked;
