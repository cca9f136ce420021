package io.github.steelyard.loader;

import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
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
                    names(top),
                    top.each("rules", LoaderReader::rule));
        }
    }

    private static EngineNames names(Fields top) {
        EngineNames.Launcher launcher = top.mapping("launcher")
                .map(LoaderReader::launcher)
                .orElse(new EngineNames.Launcher(Set.of(), Set.of(), Map.of()));
        return top.mapping("names")
                .map(fields -> names(fields, launcher))
                .orElse(new EngineNames(new LinkedHashMap<>(), List.of(), launcher));
    }

    private static EngineNames names(Fields fields, EngineNames.Launcher launcher) {
        try (fields) {
            return new EngineNames(
                    entries(fields, "fused", Values::words),
                    concat(renames(fields, "roots", true), renames(fields, "within", false)),
                    launcher);
        }
    }

    private static LoaderRule rule(Fields fields) {
        return new LoaderRule(
                fields.choice("effect", LoaderRule.Effect.values())
                        .orElseThrow(() -> new YamlException(fields.at(), "effect: missing")),
                choices(fields, "kinds", LoadedPart.Kind.values(), LoadedPart.Kind::word),
                Set.copyOf(fields.words("methods")),
                Set.copyOf(fields.words("weights")),
                Set.copyOf(fields.words("inputs")),
                Set.copyOf(fields.words("model-types")),
                choices(fields, "traits", Trait.values(), Trait::word),
                choices(fields, "without", Trait.values(), Trait::word),
                fields.requiredWord("says"));
    }

    private static <E> Set<E> choices(Fields fields, String key, E[] values, Function<E, String> word) {
        return fields.words(key).stream()
                .map(text -> Arrays.stream(values)
                        .filter(value -> word.apply(value).equals(text))
                        .findFirst()
                        .orElseThrow(() -> fields.wrong(
                                key,
                                fields.required(key),
                                Arrays.stream(values).map(word).collect(Collectors.joining(" or ")))))
                .collect(Collectors.toUnmodifiableSet());
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
