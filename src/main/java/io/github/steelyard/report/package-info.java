/// What is shown to people and machines: inspection, JSON and text forms.
@NullMarked
package io.github.steelyard.report;

import org.jspecify.annotations.NullMarked;
