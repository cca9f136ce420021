/// What calibration observes at a site, its merge and its file; which experts were reached.
@NullMarked
package io.github.steelyard.statistics;

import org.jspecify.annotations.NullMarked;
