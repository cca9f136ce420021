/// Measures the engine: tokens per second, peaks of the processor, simulated threads.
@NullMarked
package io.github.steelyard.benchmark;

import org.jspecify.annotations.NullMarked;
