package io.github.steelyard.audit;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Names the config keys from which a wanted extent comes, so that a shape that differs says which key to look at.
final class ShapeHint {

    private static final List<String> EXTENTS = List.of("size", "dim", "rank", "experts", "heads", "width");
    private static final List<String> HEADS = List.of("num_attention_heads", "num_key_value_heads");

    private final Map<String, Long> extents = new LinkedHashMap<>(); // by key or product of keys

    ShapeHint(ConfigJson config) {
        for (String key : config.keys()) {
            if (EXTENTS.stream().anyMatch(key::contains)) {
                add(config, key);
            }
        }
        Long width = extents.get("head_dim");
        for (String heads : HEADS) {
            Long count = extents.get(heads);
            if (width != null && count != null) {
                extents.put(heads + " x head_dim", count * width);
            }
        }
    }

    /// Returns `[4, 32]`, and where the extents that differ from `found` come from.
    String describe(Shape wanted, Shape found) {
        TreeSet<Long> differing = new TreeSet<>();
        for (int axis = 0; axis < wanted.rank(); axis++) {
            if (axis >= found.rank() || wanted.dim(axis) != found.dim(axis)) {
                differing.add(wanted.dim(axis));
            }
        }
        String keys = extents.entrySet().stream()
                .filter(extent -> differing.contains(extent.getValue()))
                .map(extent -> String.format(Locale.ROOT, "%s = %d", extent.getKey(), extent.getValue()))
                .collect(Collectors.joining(", "));
        return keys.isEmpty() ? wanted.toString() : "%s (config.json: %s)".formatted(wanted, keys);
    }

    private void add(ConfigJson config, String key) {
        try {
            extents.put(key, (long) config.integerOr(key, 0, 0, Integer.MAX_VALUE));
        } catch (CheckpointException otherType) {
            // Not an extent, then: the model's own reading of the config says what is wrong with it, if anything is.
        }
    }
}
