/// What a run keeps on disk: its directory, key and state, its manifest, what was solved.
@NullMarked
package io.github.steelyard.run;

import org.jspecify.annotations.NullMarked;
