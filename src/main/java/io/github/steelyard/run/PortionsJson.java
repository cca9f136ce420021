package io.github.steelyard.run;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.ConfigJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Section `parts` of `manifest.json`: by the digest of each text its `path`, how many `sequences` it has, the ranges
/// `from` (counted from 0) and `to` (exclusive) of those that were measured, the `tokens` in these, and the `files` of
/// the text as in section `data`.
final class PortionsJson {

    private static final String SECTION = "parts";

    private PortionsJson() {}

    /// Adds the section, where there is something to say in it.
    static void put(ObjectNode json, List<Portion> portions) {
        if (portions.isEmpty()) {
            return;
        }
        ObjectNode section = json.putObject(SECTION);
        for (Portion portion : portions) {
            ObjectNode part = section.putObject(portion.source().digest());
            part.put("path", portion.source().path());
            part.put("sequences", portion.count());
            ArrayNode from = part.putArray("from");
            ArrayNode to = part.putArray("to");
            portion.ranges().forEach(range -> {
                from.add(range.from());
                to.add(range.to());
            });
            part.put("tokens", portion.tokens());
            Manifest.putFiles(part, portion.source());
        }
    }

    /// Returns what [#put] wrote.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is damaged
    static List<Portion> read(ConfigJson json) {
        Optional<ConfigJson> section = json.object(SECTION);
        if (section.isEmpty()) {
            return List.of();
        }
        List<Portion> portions = new ArrayList<>();
        for (String digest : section.get().keys().stream().sorted().toList()) {
            ConfigJson part = section.get().object(digest).orElseThrow(() -> damaged(json));
            List<Integer> from = part.integers("from");
            List<Integer> to = part.integers("to");
            if (from.size() != to.size()) {
                throw damaged(json);
            }
            List<Portion.Range> ranges = new ArrayList<>();
            try {
                for (int i = 0; i < from.size(); i++) {
                    ranges.add(new Portion.Range(from.get(i), to.get(i)));
                }
                portions.add(new Portion(
                        new Manifest.DataInput(part.fileName("path").toString(), digest, Manifest.files(part)),
                        part.integer("sequences", 1, Integer.MAX_VALUE),
                        ranges,
                        Manifest.count(part, "tokens")));
            } catch (IllegalArgumentException e) {
                throw damaged(json);
            }
        }
        return portions;
    }

    private static RuntimeException damaged(ConfigJson json) {
        return json.unsuitable(SECTION, "texts with ranges of their sequences, ascending and apart");
    }
}
