/// The decoder forward pass, block by block, and its ports: tap, site, feed-forward.
@NullMarked
package io.github.steelyard.model;

import org.jspecify.annotations.NullMarked;
