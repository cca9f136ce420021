package io.github.steelyard.loader;

import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.dialect.QuantizationConfig.Method;
import io.github.steelyard.format.Format;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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

    /// Formats, and what ModelOpt's config says of pairs of them.
    private static final List<String> WEIGHTS = Stream.concat(
                    Arrays.stream(Format.values()).map(Format::name),
                    Arrays.stream(QuantAlgo.values())
                            .filter(Dialect.MODELOPT::has)
                            .map(algo -> algo.word().toUpperCase(Locale.ROOT)))
            .distinct()
            .toList();

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
                choices(fields, "kinds", LoadedPart.Kind.values()),
                choices(fields, "methods", Method.values()),
                choices(fields, "weights", WEIGHTS, Function.identity()),
                choices(fields, "inputs", Input.values()),
                Set.copyOf(fields.words("model-types")),
                choices(fields, "traits", Trait.values()),
                choices(fields, "without", Trait.values()),
                fields.requiredWord("says"));
    }

    private static <E extends Enum<E>> Set<E> choices(Fields fields, String key, E[] values) {
        return choices(
                fields,
                key,
                List.of(values),
                value -> value.name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }

    private static <T> Set<T> choices(Fields fields, String key, List<T> values, Function<T, String> word) {
        return fields.words(key).stream()
                .map(text -> values.stream()
                        .filter(value -> word.apply(value).equals(text))
                        .findFirst()
                        .orElseThrow(() -> fields.wrong(
                                key,
                                fields.required(key),
                                values.stream().map(word).collect(Collectors.joining(" or ")))))
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
