/// The command line: picocli commands, exit codes, console output; the composition root.
@NullMarked
package io.github.steelyard.cli;

import org.jspecify.annotations.NullMarked;
