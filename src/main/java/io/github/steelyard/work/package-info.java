/// Workers: threads that share a pass, their memory, what they wait for, where time goes.
@NullMarked
package io.github.steelyard.work;

import org.jspecify.annotations.NullMarked;
