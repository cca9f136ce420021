package io.github.steelyard.recipe;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Values;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads the `data` section of a recipe.
final class DataReader {

    private static final int MOST_SOURCES = 1000;
    private static final double MOST_WEIGHT = 1e9;

    private DataReader() {}

    /// @param recipe the recipe's file, which paths are relative to
    static DataOptions data(Fields fields, Path recipe) {
        List<DataSource> sources = sources(fields, recipe);
        OptionalInt maxSequences = fields.integer("max_sequences", 1, Integer.MAX_VALUE)
                .map(value -> OptionalInt.of(value.intValue()))
                .orElse(OptionalInt.empty());
        int length = fields.integer("sequence_length", 1, DataOptions.LONGEST_SEQUENCE)
                .map(Long::intValue)
                .orElse(DataOptions.DEFAULT.sequenceLength());
        DataOptions.Packing packing =
                fields.choice("packing", DataOptions.Packing.values()).orElse(DataOptions.DEFAULT.packing());
        OptionalLong seed = fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE)
                .map(OptionalLong::of)
                .orElse(OptionalLong.empty());
        boolean special = fields.flag("add_special_tokens").orElse(DataOptions.DEFAULT.addSpecialTokens());
        fields.close();
        return new DataOptions(sources, maxSequences, length, packing, seed, special);
    }

    /// Reads `path`, or `sources`: paths, or mappings of `path` and `weight`.
    private static List<DataSource> sources(Fields fields, Path recipe) {
        Optional<Node> path = fields.node("path");
        Optional<Node> list = fields.node("sources");
        if (list.isEmpty()) {
            return path.map(node -> List.of(DataSource.of(sibling(recipe, fields.path("path"), node))))
                    .orElse(List.of());
        }
        if (path.isPresent()) {
            throw new RecipeException(
                    path.get().at(),
                    "%s and %s exclude each other".formatted(fields.path("path"), fields.path("sources")));
        }
        if (!(list.get() instanceof Sequence sources)
                || sources.items().isEmpty()
                || sources.items().size() > MOST_SOURCES) {
            throw fields.wrong("sources", list.get(), "a list of 1 to " + MOST_SOURCES + " sources");
        }
        List<DataSource> read = new ArrayList<>();
        for (Node item : sources.items()) {
            String name = String.format(Locale.ROOT, "%s[%d]", fields.path("sources"), read.size());
            read.add(source(name, item, recipe));
        }
        return read;
    }

    private static DataSource source(String name, Node item, Path recipe) {
        if (!(item instanceof Mapping)) {
            return DataSource.of(sibling(recipe, name, item));
        }
        try (Fields source = Fields.of(name, item)) {
            Path path = sibling(recipe, source.path("path"), source.required("path"));
            return new DataSource(path, source.number("weight", Double.MIN_VALUE, MOST_WEIGHT, 1));
        }
    }

    private static Path sibling(Path recipe, String key, Node node) {
        try {
            return recipe.resolveSibling(Values.text(key, node));
        } catch (InvalidPathException e) {
            throw Values.wrong(key, node, "a path");
        }
    }
}
