/// What a checkpoint's config declares about quantization, read from the dialects that publishers write.
@NullMarked
package io.github.steelyard.dialect;

import org.jspecify.annotations.NullMarked;
