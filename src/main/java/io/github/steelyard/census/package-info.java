/// What a checkpoint holds: its modules as they are stored, a source of an export module by module, the quantizers that
/// it carries, and scans of values.
@NullMarked
package io.github.steelyard.census;

import org.jspecify.annotations.NullMarked;
