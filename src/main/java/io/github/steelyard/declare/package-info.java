/// What an export says of itself to servers, in each dialect.
@NullMarked
package io.github.steelyard.declare;

import org.jspecify.annotations.NullMarked;
