/// What the program does, as a library: each job takes a request, tells a listener how it gets on, and returns a
/// result.
@NullMarked
package io.github.steelyard.job;

import org.jspecify.annotations.NullMarked;
