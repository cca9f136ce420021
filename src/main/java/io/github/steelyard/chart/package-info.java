/// Drawings and tables of a page: HTML and SVG as text, whatever is shown made harmless.
@NullMarked
package io.github.steelyard.chart;

import org.jspecify.annotations.NullMarked;
