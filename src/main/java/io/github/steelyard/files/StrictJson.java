package io.github.steelyard.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Locale;

/// JSON from files that nobody vouches for: strict UTF-8, bounded depth, size and token count, no duplicate keys, no
/// trailing data. Messages give the place but never quote the file, which may be a link to anything.
public final class StrictJson {

    /// Deepest nesting of arrays and objects that is read.
    static final int DEEPEST = 100;

    private static final int LARGEST_DOCUMENT = 64 << 20; // bytes
    private static final int MOST_TOKENS = 3_000_000;
    private static final int LONGEST_NUMBER = 100; // characters
    private static final int LONGEST_NAME = 50_000; // characters
    private static final int LONGEST_STRING = 16 << 20; // characters

    private StrictJson() {}

    /// Returns a parser over `text` for a caller that reads token by token. Names are not canonicalised, so a header
    /// with a million of them costs no symbol table.
    public static JsonParser parser(Reader text) throws IOException {
        return factory(Long.MAX_VALUE, false).createParser(text);
    }

    /// Reads a whole document whose root is an object. The literals `NaN`, `Infinity` and `-Infinity`, which Python
    /// writes, become non-finite numbers; [ConfigJson] refuses them where a number is used.
    static ObjectNode object(Path file) {
        BasicFileAttributes attributes = FileProblem.regularFile(file);
        if (attributes.size() > LARGEST_DOCUMENT) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "JSON of %d bytes: more than the limit of %d",
                            attributes.size(),
                            LARGEST_DOCUMENT));
        }
        if (attributes.size() == 0) {
            throw new CheckpointException(file, "empty file, wanted a JSON object");
        }
        return readObject(file);
    }

    private static ObjectNode readObject(Path file) {
        try (InputStream in = Files.newInputStream(file);
                Reader text = new InputStreamReader(
                        in,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT))) {
            return object(file, text);
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
    }

    /// Reads a document from a text.
    ///
    /// @param file what messages call it
    static ObjectNode object(Path file, Reader text) {
        try (JsonParser parser = factory(MOST_TOKENS, true).createParser(text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new CheckpointException(file, "not a JSON object at its top level");
            }
            ObjectNode root = objectNode(file, parser);
            requireEnd(file, parser);
            return root;
        } catch (JsonProcessingException e) {
            throw invalid(file, "JSON", e);
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file, "not valid UTF-8", e);
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
    }

    /// Requires the end of the file.
    ///
    /// @throws CheckpointException if anything but white space is left
    public static void requireEnd(Path file, JsonParser parser) throws IOException {
        if (parser.nextToken() != null) {
            throw new CheckpointException(file, "trailing data after the JSON object, %s".formatted(place(parser)));
        }
    }

    /// Returns the exception for JSON that does not parse.
    ///
    /// @param what what the JSON is: `JSON` or `header JSON`
    public static CheckpointException invalid(Path file, String what, JsonProcessingException error) {
        var location = error.getLocation();
        String place = location == null
                ? ""
                : String.format(Locale.ROOT, " at line %d, column %d", location.getLineNr(), location.getColumnNr());
        return new CheckpointException(file, "invalid %s%s: %s".formatted(what, place, reasonOf(error)), error);
    }

    private static String reasonOf(JsonProcessingException error) {
        if (error instanceof JsonEOFException) {
            return "it ends in the middle";
        }
        if (error instanceof StreamConstraintsException) {
            return error.getOriginalMessage().contains("nesting")
                    ? String.format(Locale.ROOT, "nested too deeply, the limit is %d levels", DEEPEST)
                    : "a number, a name or a text in it is too long, or it has too many parts";
        }
        return "syntax error";
    }

    /// Returns where the parser is, for messages.
    static String place(JsonParser parser) {
        var location = parser.currentTokenLocation();
        return String.format(Locale.ROOT, "line %d, column %d", location.getLineNr(), location.getColumnNr());
    }

    private static JsonFactory factory(long mostTokens, boolean nonNumeric) {
        return JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(DEEPEST)
                        .maxNumberLength(LONGEST_NUMBER)
                        .maxNameLength(LONGEST_NAME)
                        .maxStringLength(LONGEST_STRING)
                        .maxTokenCount(mostTokens)
                        .build())
                .configure(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES, false)
                .configure(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS, nonNumeric)
                .build();
    }

    private static ObjectNode objectNode(Path file, JsonParser parser) throws IOException {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (object.has(key)) {
                throw new CheckpointException(
                        file, "duplicate key %s, %s".formatted(Printable.quoted(key), place(parser)));
            }
            parser.nextToken();
            object.set(key, node(file, parser));
        }
        return object;
    }

    private static ArrayNode arrayNode(Path file, JsonParser parser) throws IOException {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            array.add(node(file, parser));
        }
        return array;
    }

    // Recursion is bounded by the parser, which refuses to nest deeper than DEEPEST.
    private static JsonNode node(Path file, JsonParser parser) throws IOException {
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        return switch (parser.currentToken()) {
            case START_OBJECT -> objectNode(file, parser);
            case START_ARRAY -> arrayNode(file, parser);
            case VALUE_STRING -> nodes.textNode(parser.getText());
            case VALUE_NUMBER_INT -> nodes.numberNode(parser.getBigIntegerValue());
            case VALUE_NUMBER_FLOAT -> nodes.numberNode(parser.getDoubleValue());
            case VALUE_TRUE -> nodes.booleanNode(true);
            case VALUE_FALSE -> nodes.booleanNode(false);
            case VALUE_NULL -> nodes.nullNode();
            case NOT_AVAILABLE, END_OBJECT, END_ARRAY, FIELD_NAME, VALUE_EMBEDDED_OBJECT ->
                throw new CheckpointException(file, "invalid JSON, %s".formatted(place(parser)));
        };
    }
}
