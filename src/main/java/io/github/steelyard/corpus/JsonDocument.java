package io.github.steelyard.corpus;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.chat.Conversation;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// One line of a JSONL file: an object with `text`, with ids under `input_ids` or its alias `token_ids`, or with a
/// chat.
/// Of several the ids count, since they are exact, then the text. Other keys are the user's own and not read.
///
/// @param text the text; empty if there is none
/// @param ids the token ids; empty if there are none
/// @param chat the chat; empty if there is none, or something else counts
record JsonDocument(Optional<String> text, Optional<int[]> ids, Optional<Conversation> chat) {

    private static final int DEEPEST = 100;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(DEEPEST)
                    .maxStringLength(Lines.LONGEST)
                    .build())
            .build();
    private static final JsonMapper MAPPER = new JsonMapper(JSON);

    /// Reads one line.
    ///
    /// @throws CorpusException naming file and line if it is not such an object
    static JsonDocument parse(Path file, long line, String json) {
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new CorpusException(file, line, "expected a JSON object, found %s".formatted(word(parser)));
            }
            JsonDocument document = object(parser, file, line, json);
            if (parser.nextToken() != null) {
                throw new CorpusException(file, line, "more than one JSON value on the line");
            }
            return document;
        } catch (IOException e) {
            throw new CorpusException(file, line, "not JSON: " + problem(e));
        }
    }

    private static JsonDocument object(JsonParser parser, Path file, long line, String json) throws IOException {
        Optional<String> text = Optional.empty();
        Optional<int[]> ids = Optional.empty();
        List<String> others = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            parser.nextToken();
            switch (key) {
                case "text" -> text = Optional.of(text(parser, file, line));
                case "input_ids", "token_ids" -> {
                    if (ids.isPresent()) {
                        throw new CorpusException(file, line, "both input_ids and token_ids; give one of them");
                    }
                    ids = Optional.of(ids(parser, key, file, line));
                }
                default -> {
                    others.add(key);
                    parser.skipChildren();
                }
            }
        }
        if (text.isPresent() || ids.isPresent()) {
            return new JsonDocument(text, ids, Optional.empty());
        }
        if (!Conversation.isOne(others)) {
            throw new CorpusException(file, line, without(others));
        }
        return new JsonDocument(text, ids, Optional.of(chat(file, line, json)));
    }

    private static Conversation chat(Path file, long line, String json) {
        try {
            return Conversation.parse(MAPPER, json);
        } catch (IllegalArgumentException e) {
            throw new CorpusException(file, line, Lines.brief(e));
        }
    }

    private static String without(List<String> keys) {
        return keys.isEmpty()
                ? "neither 'text' nor 'input_ids' in an empty object"
                : "neither 'text' nor 'input_ids', only %s; render each row to one 'text' or to 'input_ids', or to"
                                .formatted(Printable.list(keys))
                        + " 'messages' for the model's chat template";
    }

    private static String text(JsonParser parser, Path file, long line) throws IOException {
        if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw new CorpusException(file, line, "text: expected a string, found %s".formatted(word(parser)));
        }
        return whole(parser.getText(), file, line);
    }

    /// Returns a text.
    ///
    /// @throws CorpusException if it holds half a surrogate pair, which no tokenizer takes
    static String whole(String text, Path file, long line) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (!pair) {
                    throw new CorpusException(
                            file,
                            line,
                            String.format(
                                    Locale.ROOT, "text: half a surrogate pair (\\u%04x) at character %d", (int) c, i));
                }
                i++;
            }
        }
        return text;
    }

    private static int[] ids(JsonParser parser, String key, Path file, long line) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw new CorpusException(
                    file, line, "%s: expected a list of integers, found %s".formatted(key, word(parser)));
        }
        int[] ids = new int[64];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
                    || parser.getNumberType() != JsonParser.NumberType.INT) {
                throw new CorpusException(
                        file,
                        line,
                        String.format(
                                Locale.ROOT,
                                "%s[%d]: expected an integer of 32 bits, found %s",
                                key,
                                count,
                                word(parser)));
            }
            ids = count == ids.length ? Arrays.copyOf(ids, 2 * count) : ids;
            ids[count++] = parser.getIntValue();
        }
        return Arrays.copyOf(ids, count);
    }

    private static String word(JsonParser parser) {
        JsonToken token = parser.currentToken();
        if (token == null) {
            return "nothing";
        }
        return switch (token) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "a list";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT -> "an integer";
            case VALUE_NUMBER_FLOAT -> "a fraction";
            case VALUE_TRUE, VALUE_FALSE -> "a boolean";
            case VALUE_NULL -> "null";
            case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT -> "something else";
        };
    }

    private static String problem(IOException e) {
        String message =
                e instanceof JsonProcessingException json ? json.getOriginalMessage() : String.valueOf(e.getMessage());
        return message.lines().findFirst().orElse("").strip();
    }
}
