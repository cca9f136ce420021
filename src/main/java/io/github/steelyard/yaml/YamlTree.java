package io.github.steelyard.yaml;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.Mark;
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

/// Builds the trees of one file from the events of the parser.
final class YamlTree {

    private final Path path;
    private final Parser parser;
    private final Resolver resolver = new Resolver();
    private final Map<String, Node> anchors = new HashMap<>();
    private int nodes;

    YamlTree(Path path, String text) {
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
        if (depth > YamlFile.MAX_DEPTH) {
            throw new YamlException(at, String.format(Locale.ROOT, "nested deeper than %d levels", YamlFile.MAX_DEPTH));
        }
        Node node = event instanceof AliasEvent alias ? aliased(alias, at) : fresh((NodeEvent) event, at, depth);
        return node;
    }

    private Node aliased(AliasEvent alias, Position at) {
        Node target = anchors.get(alias.getAnchor());
        if (target == null) {
            throw new YamlException(
                    at, "alias '%s' names no complete node before it".formatted(Printable.brief(alias.getAnchor())));
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
            default -> throw new YamlException(at, "unexpected %s".formatted(event.getEventId()));
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
                throw new YamlException(key.at(), "a key must be a name, found %s".formatted(key.kind()));
            }
            if (name.text().equals("<<")) {
                throw new YamlException(key.at(), "merge keys '<<' are not supported; use $import");
            }
            Entry entry = new Entry(key.at(), node(parser.getEvent(), depth + 1));
            Entry earlier = entries.putIfAbsent(name.text(), entry);
            if (earlier != null) {
                throw new YamlException(
                        key.at(),
                        String.format(
                                Locale.ROOT,
                                "key '%s' repeats; first at line %d",
                                Printable.brief(name.text()),
                                earlier.at().line()));
            }
        }
        parser.getEvent();
        return new Mapping(at, entries);
    }

    private static void refuseTag(@Nullable String tag, Position at) {
        if (tag != null) {
            throw new YamlException(at, "YAML tag '%s' is not supported".formatted(Printable.brief(tag)));
        }
    }

    private void count(int more, Position at) {
        nodes += Math.min(more, YamlFile.MAX_NODES + 1);
        if (nodes > YamlFile.MAX_NODES) {
            throw new YamlException(
                    at, String.format(Locale.ROOT, "more than %d values, aliases expanded", YamlFile.MAX_NODES));
        }
    }

    private Position position(Event event) {
        Mark mark = event.getStartMark();
        return new Position(path, mark.getLine() + 1, mark.getColumn() + 1);
    }
}
