package io.github.steelyard.plan;

import java.util.regex.Pattern;

/// Names of quantizers as rules see them.
final class QuantizerName {

    private static final Pattern INDEXED = Pattern.compile("(weight_quantizer|input_quantizer)s?\\.[0-9]+(?=$|\\.)");

    private QuantizerName() {}

    /// Returns the name under which a per-expert quantizer of a fused module is tried besides its own: the index
    /// dropped and the plural removed, so that `…weight_quantizers.7` matches `*weight_quantizer`. Other names come
    /// back as they are.
    static String normalised(String name) {
        return name.contains("_quantizer") ? INDEXED.matcher(name).replaceAll("$1") : name;
    }
}
