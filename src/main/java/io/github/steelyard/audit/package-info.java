/// Finds what is wrong with a checkpoint: one catalogue of its modules, one scan of its values, one list of findings.
@NullMarked
package io.github.steelyard.audit;

import org.jspecify.annotations.NullMarked;
