package io.github.steelyard.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import io.github.steelyard.jinja.TemplateException;
import io.github.steelyard.template.Template;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// How a checkpoint turns chats into text: `chat_template.jinja`, beside it `additional_chat_templates/NAME.jinja`;
/// else
/// `chat_template` of `tokenizer_config.json`, a text or a list of `name` and `template`. As transformers reads them:
/// of
/// several, `tool_use` where there are tools, else `default`.
public final class ChatTemplate {

    /// What `strftime_now` says whenever a template asks: a calibration does not depend on the day it is run.
    public static final LocalDate TODAY = LocalDate.of(2025, 1, 1);

    private static final String FILE = "chat_template.jinja";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String DEFAULT = "default";
    private static final String WITH_TOOLS = "tool_use";
    private static final int MAX_BYTES = 32 << 20; // some of these files list a hundred thousand added tokens
    private static final List<String> SPECIAL =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final JsonMapper JSON = new JsonMapper();

    /// A template and where it stands.
    private record Named(Path file, Template template) {}

    private final Map<String, Named> templates;
    private final Map<String, Object> special;

    private ChatTemplate(Map<String, Named> templates, Map<String, Object> special) {
        this.templates = templates;
        this.special = special;
    }

    /// Reads the templates of a checkpoint; empty if it has none.
    ///
    /// @throws CheckpointException if one cannot be read or cannot be run here
    public static Optional<ChatTemplate> of(Path directory) {
        Map<String, Named> templates = new TreeMap<>();
        Optional<JsonNode> config = json(directory.resolve(CONFIG));
        Path file = directory.resolve(FILE);
        if (Files.exists(file)) {
            templates.put(DEFAULT, parsed(file, "", read(file)));
            additional(directory.resolve("additional_chat_templates"), templates);
        } else if (config.isPresent()) {
            configured(directory.resolve(CONFIG), config.get().path("chat_template"), templates);
        }
        return templates.isEmpty()
                ? Optional.empty()
                : Optional.of(new ChatTemplate(templates, special(directory, config)));
    }

    /// Returns the text of a chat.
    ///
    /// @throws TemplateException if the template refuses it, or fails
    /// @throws CheckpointException if there are several templates, and none for this chat
    public String render(Map<String, Object> chat) {
        boolean tools = chat.get("tools") instanceof List<?>;
        Named named = Optional.ofNullable(templates.get(tools ? WITH_TOOLS : DEFAULT))
                .or(() -> Optional.ofNullable(templates.get(DEFAULT)))
                .orElseThrow(() -> {
                    Map.Entry<String, Named> first =
                            templates.entrySet().iterator().next();
                    return new CheckpointException(
                            first.getValue().file(),
                            "chat templates %s, and none is '%s'"
                                    .formatted(Printable.list(List.copyOf(templates.keySet())), DEFAULT));
                });
        Map<String, Object> variables = new LinkedHashMap<>(special);
        variables.putAll(chat);
        return named.template().render(variables, TODAY);
    }

    private static void additional(Path directory, Map<String, Named> templates) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (var files = Files.newDirectoryStream(directory, "*.jinja")) {
            List<Path> all = new ArrayList<>();
            files.forEach(all::add);
            all.sort(null);
            for (Path file : all) {
                String name = String.valueOf(file.getFileName()).replaceFirst("\\.jinja$", "");
                templates.put(name, parsed(file, "", read(file)));
            }
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be listed: " + FileProblem.reason(directory, e));
        }
    }

    private static void configured(Path file, JsonNode written, Map<String, Named> templates) {
        if (written.isTextual()) {
            templates.put(DEFAULT, parsed(file, "chat_template: ", written.textValue()));
        } else if (written.isArray()) {
            for (JsonNode one : written) {
                if (!one.path("name").isTextual() || !one.path("template").isTextual()) {
                    throw new CheckpointException(file, "chat_template: expected a list of 'name' and 'template'");
                }
                String name = one.get("name").textValue();
                templates.put(
                        name,
                        parsed(
                                file,
                                "chat_template '%s': ".formatted(Printable.line(name)),
                                one.get("template").textValue()));
            }
        } else if (!written.isMissingNode() && !written.isNull()) {
            throw new CheckpointException(file, "chat_template: expected a text or a list of texts with names");
        }
    }

    private static Named parsed(Path file, String what, String text) {
        try {
            return new Named(file, Template.parse(text));
        } catch (TemplateException e) {
            throw new CheckpointException(file, what + Printable.line(String.valueOf(e.getMessage())));
        }
    }

    /// The special tokens by the names that templates know; a token is a text, or an object with `content`.
    private static Map<String, Object> special(Path directory, Optional<JsonNode> config) {
        Map<String, Object> special = new LinkedHashMap<>();
        Optional<JsonNode> map = json(directory.resolve("special_tokens_map.json"));
        for (String name : SPECIAL) {
            config.map(node -> node.path(name))
                    .flatMap(ChatTemplate::token)
                    .or(() -> map.map(node -> node.path(name)).flatMap(ChatTemplate::token))
                    .ifPresent(token -> special.put(name, token));
        }
        return special;
    }

    private static Optional<String> token(JsonNode node) {
        return Optional.ofNullable(node.isObject() ? node.path("content").textValue() : node.textValue());
    }

    private static Optional<JsonNode> json(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(JSON.readTree(read(file))).filter(JsonNode::isObject);
        } catch (JsonProcessingException e) {
            throw new CheckpointException(file, "not JSON: " + Printable.line(e.getOriginalMessage()));
        }
    }

    private static String read(Path file) {
        FileProblem.irregularity(file).ifPresent(problem -> {
            throw new CheckpointException(file, problem);
        });
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new CheckpointException(file, "larger than the " + MAX_BYTES + " bytes that are read of it");
            }
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file, "not UTF-8");
        } catch (IOException e) {
            throw new CheckpointException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
    }
}
