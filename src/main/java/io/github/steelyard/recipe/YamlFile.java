package io.github.steelyard.recipe;

import io.github.steelyard.checkpoint.FileProblem;
import io.github.steelyard.recipe.Node.Entry;
import io.github.steelyard.recipe.Node.Mapping;
import io.github.steelyard.recipe.Node.Scalar;
import io.github.steelyard.recipe.Node.ScalarType;
import io.github.steelyard.recipe.Node.Sequence;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.MappingStartEvent;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.nodes.NodeId;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.parser.Parser;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;

/// A YAML file as located trees, one for each document.
///
/// The file comes from outside: its size, depth and number of nodes are bounded (aliases count as what they stand for),
/// it must be UTF-8, and keys may not repeat. Tags and merge keys are refused rather than interpreted.
///
/// @param schema what a leading `# modelopt-schema: dotted.Type` comment declares: the last part of the name
record YamlFile(Path path, Optional<String> schema, List<Node> documents) {

    static final int MAX_BYTES = 1 << 20;
    static final int MAX_DEPTH = 64;
    static final int MAX_NODES = 100_000;

    private static final Pattern SCHEMA = Pattern.compile("#\\s*modelopt-schema:\\s*(?:[\\w.]+\\.)?(\\w+)\\s*");

    static YamlFile read(Path path) {
        return parse(path, text(path));
    }

    static YamlFile parse(Path path, String text) {
        try {
            return new YamlFile(path, schema(text), new TreeBuilder(path, text).documents());
        } catch (MarkedYAMLException e) {
            Mark mark = e.getProblemMark();
            throw new RecipeException(
                    new Position(path, mark.getLine() + 1, mark.getColumn() + 1),
                    "not YAML: " + Text.brief(String.valueOf(e.getProblem())));
        } catch (YAMLException e) {
            throw new RecipeException(path, "not YAML: " + Text.brief(String.valueOf(e.getMessage())));
        }
    }

    private static Optional<String> schema(String text) {
        return text.lines()
                .map(String::strip)
                .takeWhile(line -> line.isEmpty() || line.startsWith("#"))
                .map(SCHEMA::matcher)
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .findFirst();
    }

    private static String text(Path path) {
        FileProblem.irregularity(path).ifPresent(problem -> {
            throw new RecipeException(path, problem);
        });
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new RecipeException(
                        path, String.format(Locale.ROOT, "larger than the %d bytes a recipe may have", MAX_BYTES));
            }
            return decode(path, bytes);
        } catch (IOException e) {
            throw new RecipeException(path, "cannot be read: " + FileProblem.reason(path, e));
        }
    }

    private static String decode(Path path, byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        CoderResult result = decoder.decode(in, out, true);
        if (result.isError()) {
            int line = 1;
            for (int i = 0; i < in.position(); i++) {
                line += bytes[i] == '\n' ? 1 : 0;
            }
            throw new RecipeException(
                    new Position(path, line, 1),
                    String.format(Locale.ROOT, "not UTF-8: bad byte at offset %d", in.position()));
        }
        String text = out.flip().toString();
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }

    /// Builds the trees from the parser's events.
    private static final class TreeBuilder {

        private final Path path;
        private final Parser parser;
        private final Resolver resolver = new Resolver();
        private final Map<String, Node> anchors = new HashMap<>();
        private int nodes;

        TreeBuilder(Path path, String text) {
            this.path = path;
            parser = new ParserImpl(new StreamReader(text), new LoaderOptions());
        }

        List<Node> documents() {
            List<Node> documents = new ArrayList<>();
            parser.getEvent();
            while (!parser.checkEvent(Event.ID.StreamEnd)) {
                parser.getEvent();
                anchors.clear();
                documents.add(node(parser.getEvent(), 1));
                parser.getEvent();
            }
            return List.copyOf(documents);
        }

        private Node node(Event event, int depth) {
            Position at = position(event);
            if (depth > MAX_DEPTH) {
                throw new RecipeException(at, String.format(Locale.ROOT, "nested deeper than %d levels", MAX_DEPTH));
            }
            Node node = event instanceof AliasEvent alias ? aliased(alias, at) : fresh((NodeEvent) event, at, depth);
            return node;
        }

        private Node aliased(AliasEvent alias, Position at) {
            Node target = anchors.get(alias.getAnchor());
            if (target == null) {
                throw new RecipeException(
                        at, "alias '%s' names no complete node before it".formatted(Text.brief(alias.getAnchor())));
            }
            count(target.size(), at);
            return target;
        }

        private Node fresh(NodeEvent event, Position at, int depth) {
            count(1, at);
            Node node = switch (event) {
                case ScalarEvent scalar -> scalar(scalar, at);
                case MappingStartEvent mapping -> mapping(mapping, at, depth);
                case CollectionStartEvent sequence -> sequence(sequence, at, depth);
                default -> throw new RecipeException(at, "unexpected %s".formatted(event.getEventId()));
            };
            if (event.getAnchor() != null) {
                anchors.put(event.getAnchor(), node);
            }
            return node;
        }

        private Scalar scalar(ScalarEvent event, Position at) {
            refuseTag(event.getTag(), at);
            if (!event.isPlain()) {
                return new Scalar(at, ScalarType.TEXT, event.getValue());
            }
            Tag tag = resolver.resolve(NodeId.scalar, event.getValue(), true);
            ScalarType type = tag.equals(Tag.NULL)
                    ? ScalarType.NULL
                    : tag.equals(Tag.BOOL)
                            ? ScalarType.FLAG
                            : tag.equals(Tag.INT)
                                    ? ScalarType.INTEGER
                                    : tag.equals(Tag.FLOAT) ? ScalarType.NUMBER : ScalarType.TEXT;
            return new Scalar(at, type, event.getValue());
        }

        private Sequence sequence(CollectionStartEvent event, Position at, int depth) {
            refuseTag(event.getTag(), at);
            List<Node> items = new ArrayList<>();
            while (!parser.checkEvent(Event.ID.SequenceEnd)) {
                items.add(node(parser.getEvent(), depth + 1));
            }
            parser.getEvent();
            return new Sequence(at, items);
        }

        private Mapping mapping(MappingStartEvent event, Position at, int depth) {
            refuseTag(event.getTag(), at);
            SequencedMap<String, Entry> entries = new LinkedHashMap<>();
            while (!parser.checkEvent(Event.ID.MappingEnd)) {
                Node key = node(parser.getEvent(), depth + 1);
                if (!(key instanceof Scalar name)) {
                    throw new RecipeException(key.at(), "a key must be a name, found %s".formatted(key.kind()));
                }
                if (name.text().equals("<<")) {
                    throw new RecipeException(key.at(), "merge keys '<<' are not supported; use $import");
                }
                Entry entry = new Entry(key.at(), node(parser.getEvent(), depth + 1));
                Entry earlier = entries.putIfAbsent(name.text(), entry);
                if (earlier != null) {
                    throw new RecipeException(
                            key.at(),
                            String.format(
                                    Locale.ROOT,
                                    "key '%s' repeats; first at line %d",
                                    Text.brief(name.text()),
                                    earlier.at().line()));
                }
            }
            parser.getEvent();
            return new Mapping(at, entries);
        }

        private static void refuseTag(@Nullable String tag, Position at) {
            if (tag != null) {
                throw new RecipeException(at, "YAML tag '%s' is not supported".formatted(Text.brief(tag)));
            }
        }

        private void count(int more, Position at) {
            nodes += Math.min(more, MAX_NODES + 1);
            if (nodes > MAX_NODES) {
                throw new RecipeException(
                        at, String.format(Locale.ROOT, "more than %d values, aliases expanded", MAX_NODES));
            }
        }

        private Position position(Event event) {
            Mark mark = event.getStartMark();
            return new Position(path, mark.getLine() + 1, mark.getColumn() + 1);
        }
    }
}
