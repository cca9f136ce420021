/// The job that makes a page of what was measured, written and evaluated, and the same as JSON.
@NullMarked
package io.github.steelyard.dossier;

import org.jspecify.annotations.NullMarked;
