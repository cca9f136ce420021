package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.OracleTable;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// The text forms that the engine's messages use.
final class Messages {

    private Messages() {}

    /// Replaces each `{word}` of a message.
    static String fill(String message, Map<String, String> words) {
        String filled = message;
        for (Map.Entry<String, String> word : words.entrySet()) {
            filled = filled.replace("{" + word.getKey() + "}", word.getValue());
        }
        return filled;
    }

    /// Writes what the engine says of a name that a format does not have.
    static String unknownName(OracleTable table, String asked) {
        return "moe_backend='%s' is not supported for %s. Expected one of %s."
                .formatted(asked, table.label(), list(table.names().keySet()));
    }

    /// Writes names as the engine does: `['triton', 'marlin']`.
    static String list(Collection<String> names) {
        return names.stream().map(name -> "'" + name + "'").collect(Collectors.joining(", ", "[", "]"));
    }

    /// Writes rejections as the engine's best message does: `backend: X, reason: Y; …`.
    static String reasons(List<Rejection> rejected) {
        return rejected.stream()
                .map(each -> "backend: %s, reason: %s".formatted(each.backend(), each.reason()))
                .collect(Collectors.joining("; "));
    }

    /// Writes every rejection with its expert class.
    static String labels(List<Rejection> rejected) {
        return rejected.stream().map(Rejection::label).collect(Collectors.joining("; "));
    }
}
