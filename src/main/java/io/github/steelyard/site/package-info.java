/// Linear modules, the sites of their quantizers, and the tap that sees what passes a site.
@NullMarked
package io.github.steelyard.site;

import org.jspecify.annotations.NullMarked;
