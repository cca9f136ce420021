/// Measures a model, plain or fake-quantised: perplexity, logits, and what its quantizers change.
@NullMarked
package io.github.steelyard.evaluation;

import org.jspecify.annotations.NullMarked;
