package io.github.steelyard.oracle;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import io.github.steelyard.oracle.YamlNode.Fields;
import io.github.steelyard.oracle.YamlNode.Items;
import io.github.steelyard.oracle.YamlNode.Text;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;

/// Reads one YAML document into [YamlNode]s. Anchors, aliases, duplicate keys, empty values and a depth over 32 are
/// refused: a catalogue needs none of them, and each has surprised somebody.
final class YamlReader {

    private static final int MAX_DEPTH = 32;

    private final String file;
    private final YAMLParser parser;

    private YamlReader(String file, YAMLParser parser) {
        this.file = file;
        this.parser = parser;
    }

    static YamlNode read(String file, String text) {
        try (YAMLParser parser = new YAMLFactory().createParser(text)) {
            YamlReader reader = new YamlReader(file, parser);
            parser.nextToken();
            YamlNode node = reader.value(0);
            if (parser.nextToken() != null) {
                throw reader.fault("expected one document, found another");
            }
            return node;
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw new CatalogueException(
                    file,
                    line,
                    "not YAML: " + e.getOriginalMessage().lines().findFirst().orElse(""));
        } catch (IOException e) {
            throw new CatalogueException(file, 0, "cannot be read: " + e.getMessage());
        }
    }

    private YamlNode value(int depth) throws IOException {
        if (depth > MAX_DEPTH) {
            throw fault(String.format(Locale.ROOT, "nested deeper than %d", MAX_DEPTH));
        }
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw fault("empty document");
        }
        if (parser.isCurrentAlias() || parser.getObjectId() != null) {
            throw fault("anchors and aliases are not supported");
        }
        return switch (token) {
            case START_OBJECT -> fields(depth);
            case START_ARRAY -> items(depth);
            case VALUE_NULL -> throw fault("empty value");
            default -> new Text(parser.getText(), line());
        };
    }

    private YamlNode fields(int depth) throws IOException {
        int line = line();
        SequencedMap<String, YamlNode> values = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (values.containsKey(key)) {
                throw fault("key '%s' is given twice".formatted(key));
            }
            parser.nextToken();
            values.put(key, value(depth + 1));
        }
        return new Fields(values, line);
    }

    private YamlNode items(int depth) throws IOException {
        int line = line();
        List<YamlNode> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            values.add(value(depth + 1));
        }
        return new Items(List.copyOf(values), line);
    }

    private int line() {
        return parser.currentTokenLocation().getLineNr();
    }

    private CatalogueException fault(String message) {
        return new CatalogueException(file, line(), message);
    }
}
