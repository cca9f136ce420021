/// Routers, experts and the model families that are composed of them.
@NullMarked
package io.github.steelyard.moe;

import org.jspecify.annotations.NullMarked;
