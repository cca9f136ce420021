/// The terminal: lines and progress, signals, exit codes.
@NullMarked
package io.github.steelyard.console;

import org.jspecify.annotations.NullMarked;
