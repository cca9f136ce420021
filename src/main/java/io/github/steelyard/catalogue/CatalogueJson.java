package io.github.steelyard.catalogue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What catalogues hold, for machines and for people.
public final class CatalogueJson {

    private CatalogueJson() {}

    /// Returns the catalogues at hand with their formats, for machines.
    public static Object of(Catalogues catalogues) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode all = json.putArray("catalogues");
        for (Catalogue catalogue : catalogues.all()) {
            ObjectNode one = all.addObject();
            one.put("name", catalogue.label());
            one.put("commit", catalogue.commit().orElse(null));
            ArrayNode formats = one.putArray("formats");
            catalogue.formats().forEach(formats::add);
        }
        return json;
    }

    /// Returns one catalogue's tables for machines: backends with their user-facing names, expert classes, what they
    /// show.
    public static Object of(Catalogue catalogue) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("name", catalogue.label());
        json.put("commit", catalogue.commit().orElse(null));
        ArrayNode tables = json.putArray("tables");
        for (OracleTable table : catalogue.tables()) {
            ObjectNode one = tables.addObject();
            one.put("table", table.name());
            one.put("format", table.format());
            ArrayNode backends = one.putArray("backends");
            table.backends().values().forEach(backend -> backends.add(backend(catalogue, table, backend)));
        }
        return json;
    }

    private static ObjectNode backend(Catalogue catalogue, OracleTable table, OracleTable.Backend backend) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("backend", backend.name());
        ArrayNode names = json.putArray("names");
        table.names().forEach((name, stands) -> {
            if (stands.contains(backend.name())) {
                names.add(name);
            }
        });
        ArrayNode experts = json.putArray("experts");
        for (String key : backend.experts()) {
            ExpertClass expert = catalogue.experts(key);
            ObjectNode one = experts.addObject();
            one.put("experts", expert.name());
            one.put("monolithic", expert.monolithic());
            one.put("batched", expert.batched());
            one.put("lora", expert.lora());
            ArrayNode shown = one.putArray("w2_input");
            expert.w2Input().forEach(rule -> shown.add(rule.visibility().label()));
        }
        return json;
    }

    /// Returns one line per catalogue.
    public static List<String> lines(Catalogues catalogues) {
        return catalogues.all().stream()
                .map(catalogue -> "%s: %s%s"
                        .formatted(
                                catalogue.label(),
                                String.join(", ", catalogue.formats()),
                                catalogue
                                        .commit()
                                        .map(commit -> ", commit " + commit)
                                        .orElse("")))
                .toList();
    }

    /// Returns one catalogue's tables line by line.
    public static List<String> lines(Catalogue catalogue) {
        List<String> lines = new ArrayList<>();
        for (OracleTable table : catalogue.tables()) {
            lines.add("%s (%s)".formatted(table.format(), table.name()));
            for (OracleTable.Backend backend : table.backends().values()) {
                List<String> names = table.names().entrySet().stream()
                        .filter(entry -> entry.getValue().contains(backend.name()))
                        .map(Map.Entry::getKey)
                        .toList();
                lines.add("  %-32s %s".formatted(backend.name(), names.isEmpty() ? "not nameable" : names));
                for (String key : backend.experts()) {
                    ExpertClass expert = catalogue.experts(key);
                    lines.add("    %s%s: w2 input %s"
                            .formatted(
                                    expert.name(),
                                    expert.monolithic() ? ", monolithic" : "",
                                    expert.w2Input().stream()
                                            .map(rule -> rule.visibility().label())
                                            .distinct()
                                            .reduce((a, b) -> a + " or " + b)
                                            .orElse("unknown")));
                }
            }
        }
        return lines;
    }
}
