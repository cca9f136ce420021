package io.github.steelyard.difference;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// The values of a JSON text by their paths.
final class JsonLeaves {

    private final SortedMap<String, String> leaves = new TreeMap<>();

    /// Adds the leaves of a tree.
    ///
    /// @param path what their paths begin with
    JsonLeaves add(String path, JsonNode node) {
        String prefix = path.isEmpty() ? "" : path + ".";
        if (node.isObject() && !node.isEmpty()) {
            node.properties().forEach(field -> add(prefix + field.getKey(), field.getValue()));
        } else if (node.isArray() && !node.isEmpty()) {
            for (int i = 0; i < node.size(); i++) {
                add(path + "[" + i + "]", node.get(i));
            }
        } else {
            leaves.put(path, node.isTextual() ? node.textValue() : node.toString());
        }
        return this;
    }

    /// Returns the keys that have not the same value in both.
    List<Difference.Key> against(JsonLeaves other) {
        return against(leaves, other.leaves);
    }

    /// Returns the keys that have not the same value in both.
    static List<Difference.Key> against(Map<String, String> a, Map<String, String> b) {
        TreeSet<String> keys = new TreeSet<>(a.keySet());
        keys.addAll(b.keySet());
        List<Difference.Key> different = new ArrayList<>();
        for (String key : keys) {
            Optional<String> one = Optional.ofNullable(a.get(key));
            Optional<String> other = Optional.ofNullable(b.get(key));
            if (!one.equals(other)) {
                different.add(new Difference.Key(key, one, other));
            }
        }
        return different;
    }
}
