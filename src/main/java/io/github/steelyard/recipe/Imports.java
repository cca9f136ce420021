package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Replaces each `$import` of a recipe by what it names.
///
/// - In a mapping, the imported mappings come first, in order, and the inline keys replace theirs (whole values, not
///   merged further).
/// - As the only key of a list item, a file that declares the list's schema is spliced in, one that declares the
///   element's schema becomes the item.
///
/// [RecipeLibrary] says where a path is looked up. What a file declares under `imports` must be there, used or not.
/// Everything imported counts towards [YamlFile#MAX_NODES].
final class Imports {

    private static final String IMPORT = "$import";
    private static final String IMPORTS = "imports";

    /// What a file is written for: a comment `# modelopt-schema: dotted.Type`.
    private static final Pattern SCHEMA = Pattern.compile("#\\s*modelopt-schema:\\s*(?:[\\w.]+\\.)?(\\w+)\\s*");

    /// The aliases of one file, each with what it stands for.
    private record Scope(Map<String, Snippet> declared) {}

    private record Snippet(String schema, Node content) {}

    private final RecipeLibrary library;
    private final Path home;
    private final Deque<Path> open = new ArrayDeque<>();
    private final Map<Path, Snippet> loaded = new HashMap<>();
    private final SequencedSet<Path> sources = new LinkedHashSet<>();
    private long nodes;

    /// @param home the directory of the recipe
    Imports(RecipeLibrary library, Path home) {
        this.library = library;
        this.home = home;
    }

    /// Returns the tree of a recipe, or of a section of one, without `imports` and `$import`.
    ///
    /// @param place what the file holds
    Mapping expand(YamlFile file, Place place) {
        Node root = file.document("a recipe");
        if (!(root instanceof Mapping mapping)) {
            throw new RecipeException(root.at(), "expected a mapping, found %s".formatted(root.kind()));
        }
        open.push(identity(file.path()));
        note(file.path());
        Mapping tree = mapping(without(mapping, IMPORTS), scope(file.path(), mapping), place);
        open.pop();
        return tree;
    }

    /// Returns the files on disk that were read so far.
    List<Path> sources() {
        return List.copyOf(sources);
    }

    private void note(Path file) {
        if (!Shipped.has(file)) {
            sources.add(file);
        }
    }

    /// Returns a path that is equal for equal files.
    private static Path identity(Path file) {
        return file.toAbsolutePath().normalize();
    }

    private Scope scope(Path file, Mapping mapping) {
        Map<String, Snippet> declared = new HashMap<>();
        Entry entry = mapping.entries().get(IMPORTS);
        if (entry == null || Values.isNull(entry.value())) {
            return new Scope(declared);
        }
        if (!(entry.value() instanceof Mapping names)) {
            throw new RecipeException(
                    entry.value().at(),
                    "imports: expected a mapping from names to paths, found %s"
                            .formatted(entry.value().kind()));
        }
        names.entries().forEach((name, path) -> {
            if (!(path.value() instanceof Scalar scalar) || scalar.type() != ScalarType.TEXT) {
                throw new RecipeException(
                        path.value().at(),
                        "imports.%s: expected a path, found %s"
                                .formatted(Printable.brief(name), path.value().kind()));
            }
            declared.put(name, snippet(scalar, file));
        });
        return new Scope(declared);
    }

    private Node node(Node node, Scope scope, Place place) {
        return switch (node) {
            case Scalar scalar -> scalar;
            case Sequence sequence -> sequence(sequence, scope, place);
            case Mapping mapping -> mapping(mapping, scope, place);
        };
    }

    private Sequence sequence(Sequence sequence, Scope scope, Place place) {
        List<Node> items = new ArrayList<>();
        for (Node item : sequence.items()) {
            Optional<Node> imported = soleImport(item);
            if (imported.isPresent()) {
                items.addAll(spliced(imported.get(), scope, place));
            } else {
                items.add(node(item, scope, place.ofItem()));
            }
        }
        return new Sequence(sequence.at(), items);
    }

    private static Optional<Node> soleImport(Node item) {
        return item instanceof Mapping mapping && mapping.entries().keySet().equals(Set.of(IMPORT))
                ? Optional.of(
                        Objects.requireNonNull(mapping.entries().get(IMPORT)).value())
                : Optional.empty();
    }

    private List<Node> spliced(Node names, Scope scope, Place place) {
        List<Node> items = new ArrayList<>();
        for (Scalar name : names(names)) {
            Snippet snippet = snippet(name, scope);
            count(snippet.content());
            if (snippet.content() instanceof Sequence list && snippet.schema().equals(place.schema())) {
                items.addAll(list.items());
            } else if (snippet.content() instanceof Mapping
                    && (place == Place.ANY || snippet.schema().equals(place.element()))) {
                items.add(snippet.content());
            } else {
                throw new RecipeException(
                        name.at(),
                        "import '%s' is %s declared as %s, which does not fit a list of %s"
                                .formatted(
                                        Printable.brief(name.text()),
                                        snippet.content().kind(),
                                        snippet.schema(),
                                        place.element().isEmpty() ? "this kind" : place.element()));
            }
        }
        return items;
    }

    private Mapping mapping(Mapping mapping, Scope scope, Place place) {
        SequencedMap<String, Entry> entries = new LinkedHashMap<>();
        Entry imported = mapping.entries().get(IMPORT);
        if (imported != null) {
            for (Scalar name : names(imported.value())) {
                entries.putAll(merged(name, scope, place).entries());
            }
        }
        mapping.entries().forEach((key, entry) -> {
            if (!key.equals(IMPORT)) {
                entries.put(key, new Entry(entry.at(), node(entry.value(), scope, place.of(key))));
            }
        });
        return new Mapping(mapping.at(), entries);
    }

    private Mapping merged(Scalar name, Scope scope, Place place) {
        Snippet snippet = snippet(name, scope);
        count(snippet.content());
        if (!(snippet.content() instanceof Mapping mapping)) {
            throw new RecipeException(
                    name.at(),
                    "import '%s' is %s; only a mapping merges into a mapping"
                            .formatted(
                                    Printable.brief(name.text()),
                                    snippet.content().kind()));
        }
        if (place != Place.ANY && !snippet.schema().equals(place.schema())) {
            throw new RecipeException(
                    name.at(),
                    "import '%s' is declared as %s; here belongs a %s"
                            .formatted(Printable.brief(name.text()), snippet.schema(), place.schema()));
        }
        return mapping;
    }

    private static List<Scalar> names(Node node) {
        List<Scalar> names = new ArrayList<>();
        for (Node item : node instanceof Sequence list ? list.items() : List.of(node)) {
            if (!(item instanceof Scalar name) || name.type() == ScalarType.NULL) {
                throw new RecipeException(
                        item.at(), "$import: expected a name or a list of names, found %s".formatted(item.kind()));
            }
            names.add(name);
        }
        return names;
    }

    private static Snippet snippet(Scalar name, Scope scope) {
        Snippet snippet = scope.declared().get(name.text());
        if (snippet == null) {
            throw new RecipeException(
                    name.at(),
                    "$import '%s' is not declared under imports of this file; declared are %s"
                            .formatted(
                                    Printable.brief(name.text()),
                                    scope.declared().isEmpty()
                                            ? "none"
                                            : scope.declared().keySet().stream()
                                                    .sorted()
                                                    .map(Printable::brief)
                                                    .collect(Collectors.joining(", "))));
        }
        return snippet;
    }

    private Snippet snippet(Scalar path, Path importer) {
        Path file = library.imported(path, importer, home);
        Path identity = identity(file);
        if (open.contains(identity)) {
            throw new RecipeException(
                    path.at(), "import cycle: '%s' is being imported already".formatted(Printable.brief(path.text())));
        }
        Snippet known = loaded.get(identity);
        if (known == null) {
            if (open.size() > YamlFile.MAX_DEPTH) {
                throw new RecipeException(
                        path.at(), String.format(Locale.ROOT, "imports nest deeper than %d files", YamlFile.MAX_DEPTH));
            }
            open.push(identity);
            note(file);
            known = load(RecipeLibrary.open(file));
            open.pop();
            loaded.put(identity, known);
        }
        return known;
    }

    private Snippet load(YamlFile file) {
        String schema = schema(file)
                .orElseThrow(() -> new RecipeException(
                        file.path(), "an imported file begins with a comment '# modelopt-schema: dotted.Type'"));
        Place place = Place.declared(schema);
        List<Node> documents = file.documents();
        Node content = documents.isEmpty() ? null : documents.getLast();
        if (content == null || documents.size() > 2) {
            throw new RecipeException(
                    file.path(),
                    String.format(
                            Locale.ROOT,
                            "an imported file holds one or two YAML documents, found %d",
                            documents.size()));
        }
        if (documents.size() == 1) {
            Scope scope = content instanceof Mapping mapping ? scope(file.path(), mapping) : new Scope(Map.of());
            Node body = content instanceof Mapping mapping ? without(mapping, IMPORTS) : content;
            return new Snippet(schema, node(body, scope, place));
        }
        if (!(documents.getFirst() instanceof Mapping head)
                || !head.entries().keySet().equals(Set.of(IMPORTS))) {
            throw new RecipeException(
                    documents.getFirst().at(), "the first of two documents holds the key 'imports' and no other");
        }
        return new Snippet(schema, node(content, scope(file.path(), head), place));
    }

    private static Optional<String> schema(YamlFile file) {
        List<String> declared = file.comments().stream()
                .map(SCHEMA::matcher)
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .toList();
        if (declared.size() > 1) {
            throw new RecipeException(
                    file.path(), "declares several schemas, %s; one is wanted".formatted(String.join(", ", declared)));
        }
        return declared.stream().findFirst();
    }

    private static Mapping without(Mapping mapping, String key) {
        SequencedMap<String, Entry> entries = new LinkedHashMap<>(mapping.entries());
        entries.remove(key);
        return new Mapping(mapping.at(), entries);
    }

    private void count(Node imported) {
        nodes += imported.size();
        if (nodes > YamlFile.MAX_NODES) {
            throw new RecipeException(
                    imported.at(),
                    String.format(Locale.ROOT, "imports expand to more than %d values", YamlFile.MAX_NODES));
        }
    }
}
