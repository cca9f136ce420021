/// Routers, experts, and the layer that sends tokens to them.
@NullMarked
package io.github.steelyard.moe;

import org.jspecify.annotations.NullMarked;
