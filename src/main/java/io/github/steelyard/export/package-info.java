/// Writes scales and servable checkpoints: plans them, refuses what cannot be served, and makes their files appear
/// whole.
@NullMarked
package io.github.steelyard.export;

import org.jspecify.annotations.NullMarked;
