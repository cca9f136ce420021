/// Files and the words for what is wrong with them: JSON read strictly, our own directories, atomic writes.
@NullMarked
package io.github.steelyard.files;

import org.jspecify.annotations.NullMarked;
