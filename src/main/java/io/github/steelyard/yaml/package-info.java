/// YAML files as trees that know where they stand, within bounds that hold for any file from outside.
@NullMarked
package io.github.steelyard.yaml;

import org.jspecify.annotations.NullMarked;
