package io.github.steelyard.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.Printable;
import io.github.steelyard.template.JsonValues;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A chat on a line of a data file, in one of the forms that people keep them in: `messages` with `role` and `content`;
/// ShareGPT's `conversations` with `from` and `value`; `prompt` with `response` or `completion`. Beside them may stand
/// `tools` (a list, or JSON in a text), `system` and `chat_template_kwargs`.
///
/// @param variables what a template is given
public record Conversation(Map<String, Object> variables) {

    private static final List<String> KEYS = List.of("messages", "conversations", "prompt");
    private static final List<String> ANSWERS = List.of("response", "completion");
    private static final Map<String, String> SHAREGPT = Map.ofEntries(
            Map.entry("human", "user"),
            Map.entry("user", "user"),
            Map.entry("gpt", "assistant"),
            Map.entry("chatgpt", "assistant"),
            Map.entry("bard", "assistant"),
            Map.entry("model", "assistant"),
            Map.entry("assistant", "assistant"),
            Map.entry("system", "system"),
            Map.entry("tool", "tool"),
            Map.entry("observation", "tool"));

    /// Returns whether a line with these keys is a chat.
    public static boolean isOne(List<String> keys) {
        return keys.contains("messages")
                || keys.contains("conversations")
                || (keys.contains("prompt") && ANSWERS.stream().anyMatch(keys::contains));
    }

    /// Reads a line that is JSON and a chat.
    ///
    /// @throws IllegalArgumentException saying what is wrong, if it is in none of the forms
    public static Conversation parse(JsonMapper json, String line) {
        ObjectNode row;
        try {
            row = (ObjectNode) json.readTree(line);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
        }
        ArrayNode messages = messages(json, row);
        if (messages.isEmpty()) {
            throw new IllegalArgumentException("a chat without messages");
        }
        JsonNode system = row.path("system");
        if (system.isTextual()
                && !system.textValue().isEmpty()
                && !role(messages.get(0)).equals("system")) {
            messages.insertObject(0).put("role", "system").put("content", system.textValue());
        }
        Map<String, Object> variables = new LinkedHashMap<>();
        row.path("chat_template_kwargs")
                .properties()
                .forEach(entry -> variables.put(entry.getKey(), JsonValues.of(entry.getValue())));
        variables.put("messages", JsonValues.of(messages));
        variables.put("tools", JsonValues.of(tools(json, row.path("tools"))));
        variables.put("documents", JsonValues.of(row.path("documents")));
        variables.put("add_generation_prompt", false);
        return new Conversation(variables);
    }

    private static ArrayNode messages(JsonMapper json, ObjectNode row) {
        Optional<String> list =
                KEYS.stream().filter(key -> row.path(key).isArray()).findFirst();
        ArrayNode messages = json.createArrayNode();
        if (list.isPresent()) {
            row.get(list.get()).forEach(message -> messages.add(message(json, list.get(), message)));
        } else if (row.path("prompt").isTextual()) {
            messages.addObject()
                    .put("role", "user")
                    .put("content", row.get("prompt").textValue());
        } else {
            String key = KEYS.stream().filter(row::has).findFirst().orElseThrow();
            throw new IllegalArgumentException("%s: expected a list of messages".formatted(key));
        }
        if (row.has("messages") || row.has("conversations")) {
            return messages;
        }
        JsonNode answer = row.path(ANSWERS.stream().filter(row::has).findFirst().orElseThrow());
        if (answer.isTextual()) {
            messages.addObject().put("role", "assistant").put("content", answer.textValue());
        } else if (answer.isArray()) {
            answer.forEach(message -> messages.add(message(json, "response", message)));
        } else {
            throw new IllegalArgumentException("response: expected a text or a list of messages");
        }
        return messages;
    }

    private static JsonNode message(JsonMapper json, String key, JsonNode message) {
        if (!message.isObject()) {
            throw new IllegalArgumentException("%s: expected objects with 'role' and 'content'".formatted(key));
        }
        if (message.path("role").isTextual()) {
            return message;
        }
        String from = message.path("from").asText("");
        String role = SHAREGPT.get(from);
        if (role == null || !message.path("value").isTextual()) {
            throw new IllegalArgumentException(
                    message.path("from").isTextual()
                            ? "%s: 'from' is '%s', expected human, gpt, system or tool, with a text in 'value'"
                                    .formatted(key, Printable.line(from))
                            : "%s: a message without 'role', and without 'from' and 'value'".formatted(key));
        }
        return json.createObjectNode()
                .put("role", role)
                .put("content", message.get("value").textValue());
    }

    private static String role(JsonNode message) {
        return message.path("role").asText("");
    }

    private static JsonNode tools(JsonMapper json, JsonNode tools) {
        JsonNode list = tools;
        if (tools.isTextual() && !tools.textValue().isBlank()) {
            try {
                list = json.readTree(tools.textValue());
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException("tools: not JSON: " + e.getOriginalMessage(), e);
            }
        }
        boolean none = list.isMissingNode() || list.isNull() || list.isTextual() || (list.isArray() && list.isEmpty());
        if (!none && !list.isArray()) {
            throw new IllegalArgumentException("tools: expected a list");
        }
        return none ? NullNode.getInstance() : list;
    }
}
