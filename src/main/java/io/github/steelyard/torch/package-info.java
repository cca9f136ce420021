/// Files that `torch.load` reads, written without Python. Nothing here reads a pickle.
@NullMarked
package io.github.steelyard.torch;

import org.jspecify.annotations.NullMarked;
