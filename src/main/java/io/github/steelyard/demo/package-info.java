/// The main job on the checkpoint that the jar holds.
@NullMarked
package io.github.steelyard.demo;

import org.jspecify.annotations.NullMarked;
