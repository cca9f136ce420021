package io.github.steelyard.loader;

import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/// Reads the file of a loader strictly.
final class LoaderReader {

    private static final String SCHEMA = "steelyard/loader/v1";

    private LoaderReader() {}

    /// @throws YamlException if it is no such file
    static Loader read(String name, String text) {
        YamlFile file = YamlFile.parse(Path.of(name), text);
        try (Fields top = Fields.of("", file.document("a loader"))) {
            String schema = top.requiredWord("schema");
            if (!schema.equals(SCHEMA)) {
                throw new YamlException(top.at(), "schema: expected '%s', found '%s'".formatted(SCHEMA, schema));
            }
            return new Loader(
                    top.requiredWord("engine"),
                    top.requiredWord("snapshot"),
                    top.requiredWord("commit"),
                    names(Fields.of("names", top.required("names")), top));
        }
    }

    private static EngineNames names(Fields fields, Fields top) {
        try (fields) {
            return new EngineNames(
                    entries(fields, "fused", Values::words),
                    concat(renames(fields, "roots", true), renames(fields, "within", false)),
                    top.mapping("launcher")
                            .map(LoaderReader::launcher)
                            .orElse(new EngineNames.Launcher(Set.of(), Set.of(), Map.of())));
        }
    }

    private static List<EngineNames.Rename> concat(List<EngineNames.Rename> roots, List<EngineNames.Rename> within) {
        return Stream.concat(roots.stream(), within.stream()).toList();
    }

    private static List<EngineNames.Rename> renames(Fields fields, String key, boolean root) {
        return fields.each(
                key,
                rename -> new EngineNames.Rename(
                        Set.copyOf(rename.words("model-types")),
                        root,
                        rename.requiredWord("from"),
                        rename.requiredWord("to")));
    }

    private static EngineNames.Launcher launcher(Fields fields) {
        try (fields) {
            return new EngineNames.Launcher(
                    Set.copyOf(fields.words("without-quantizer")),
                    Set.copyOf(fields.words("regrouped")),
                    Map.copyOf(entries(fields, "regrouped-except-in", Values::word)));
        }
    }

    private static <T> SequencedMap<String, T> entries(Fields fields, String key, BiFunction<String, Node, T> reader) {
        SequencedMap<String, T> entries = new LinkedHashMap<>();
        fields.mapping(key)
                .ifPresent(map ->
                        map.entries().forEach((name, node) -> entries.put(name, reader.apply(map.path(name), node))));
        return entries;
    }
}
