/// Chat templates: the part of the Jinja language that published ones use, run within bounds.
@NullMarked
package io.github.steelyard.template;

import org.jspecify.annotations.NullMarked;
