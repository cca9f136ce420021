package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Chats as data, with the demo's tokenizer and templates of the tests.
@Timeout(60)
final class ChatDataTest {

    private static final Path TEMPLATES = Path.of("src/test/resources/chat");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SIMPLE =
            "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ tools | length if tools }}";

    @TempDir
    private Path model;

    @BeforeEach
    void tokenizer() throws IOException {
        Files.copy(Path.of("src/main/resources/demo/checkpoint/tokenizer.json"), model.resolve("tokenizer.json"));
        config(Map.of("bos_token", Map.of("content", "[B]"), "eos_token", "<eos>"));
    }

    @Test
    void messages_areWhatTransformersMakesOfThem() throws IOException {
        JsonNode golden = Json.read(TEMPLATES.resolve("expected.json"));
        config(Map.of("bos_token", "<bos>", "eos_token", "<eos>"));
        Files.copy(TEMPLATES.resolve("dated_tools.jinja"), model.resolve("chat_template.jinja"));
        String expected =
                golden.at("/expected/dated_tools~1tools/text").textValue().replace("14 Mar 2026", "01 Jan 2025");

        assertThat(ids(golden.at("/cases/tools").toString())).isEqualTo(encoded(expected));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'messages': [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Ho'}]} | [B]<user>Hi<assistant>Ho",
                "{'conversations': [{'from': 'human', 'value': 'Hi'}, {'from': 'gpt', 'value': 'Ho'}]}     | [B]<user>Hi<assistant>Ho",
                "{'conversations': [{'role': 'user', 'content': 'Hi'}], 'system': 'S'}                     | [B]<system>S<user>Hi",
                "{'prompt': 'Hi', 'response': 'Ho'}                                                        | [B]<user>Hi<assistant>Ho",
                "{'prompt': [{'role': 'user', 'content': 'Hi'}], 'completion': 'Ho'}                       | [B]<user>Hi<assistant>Ho",
                "{'messages': [{'role': 'user', 'content': 'Hi'}], 'tools': '[{}, {}]'}                    | [B]<user>Hi2",
                "{'messages': [{'role': 'user', 'content': 'Hi'}], 'tools': []}                            | [B]<user>Hi",
                "{'messages': [{'role': 'user', 'content': 'Hi'}], 'text': 'T'}                            | T",
            })
    void forms_areRendered(String line, String expected) throws IOException {
        Files.writeString(model.resolve("chat_template.jinja"), SIMPLE);

        assertThat(ids(line.replace('\'', '"'))).isEqualTo(encoded(expected));
    }

    @Test
    void templates_inTheConfig_byTheirNames() throws IOException {
        String line = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
        config(Map.of("chat_template", "A{{ messages[0].content }}"));
        assertThat(ids(line + "}")).isEqualTo(encoded("AHi"));

        config(Map.of(
                "chat_template",
                List.of(
                        Map.of("name", "default", "template", "D{{ messages[0].content }}"),
                        Map.of("name", "tool_use", "template", "T{{ tools | length }}"))));
        assertThat(ids(line + "}")).isEqualTo(encoded("DHi"));
        assertThat(ids(line + ", \"tools\": [{}]}")).isEqualTo(encoded("T1"));

        config(Map.of("chat_template", List.of(Map.of("name", "rag", "template", "x"))));
        refused(line + "}", "tokenizer_config.json: chat templates 'rag', and none is 'default'");
        Files.writeString(model.resolve("chat_template.jinja"), "F{{ messages[0].content }}");
        assertThat(ids(line + "}")).isEqualTo(encoded("FHi"));
        Files.createDirectory(model.resolve("additional_chat_templates"));
        Files.writeString(model.resolve("additional_chat_templates/tool_use.jinja"), "U");
        assertThat(ids(line + ", \"tools\": [{}]}")).isEqualTo(encoded("U"));
    }

    @Test
    void trouble_isOneLine() throws IOException {
        String line = "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}";
        refused(
                line,
                "d.jsonl:1: a chat ('messages', 'conversations', 'prompt') needs a chat template, and the checkpoint");
        template("{{ raise_exception('no ' ~ messages[0].role) }}");
        refused(line, "d.jsonl:1: the chat template refuses the chat: line 1: no user");
        template("\n{{ messages[0].content + 1 }}");
        refused(line, "d.jsonl:1: the chat template fails: line 2: '+' between values of types 'str' and 'int'");
        template("{% include 'x' %}");
        refused(line, "chat_template.jinja: line 1: {% include %} is not done here");
        template(SIMPLE);
        refused("{\"messages\": []}", "d.jsonl:1: a chat without messages");
        refused("{\"messages\": 1}", "d.jsonl:1: messages: expected a list of messages");
        refused("{\"messages\": [1]}", "d.jsonl:1: messages: expected objects with 'role' and 'content'");
        refused("{\"prompt\": \"a\"}", "d.jsonl:1: neither 'text' nor 'input_ids', only 'prompt';");
        refused("{\"prompt\": \"a\", \"response\": 1}", "d.jsonl:1: response: expected a text or a list of messages");
        refused(
                "{\"conversations\": [{\"from\": \"alien\", \"value\": \"x\"}]}",
                "d.jsonl:1: conversations: 'from' is 'alien', expected human, gpt, system or tool, with a text in 'value'");
        refused("{\"messages\": [{\"content\": \"x\"}]}", "d.jsonl:1: messages: a message without 'role'");
        refused("{\"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"}]}", "half a surrogate pair");
        refused("{\"messages\": [{\"role\": \"u\"}], \"tools\": \"{\"}", "d.jsonl:1: tools: not JSON: ");
    }

    private void template(String text) throws IOException {
        Files.writeString(model.resolve("chat_template.jinja"), text);
    }

    private void config(Map<String, ?> config) throws IOException {
        Files.writeString(model.resolve("tokenizer_config.json"), JSON.writeValueAsString(config));
    }

    private void refused(String line, String part) {
        assertThatThrownBy(() -> ids(line))
                .isInstanceOfAny(CorpusException.class, CheckpointException.class)
                .hasMessageContaining(part)
                .hasMessageNotContaining("\n");
    }

    private int[] ids(String line) throws IOException {
        Path file = Files.writeString(model.resolve("d.jsonl"), line + "\n");
        try (Tokenizer tokenizer = Tokenizer.at(model.resolve("tokenizer.json"))) {
            return CalibrationSet.read(
                            DataOptions.DEFAULT.withSequenceLength(1 << 14).withSources(List.of(DataSource.of(file))),
                            tokenizer,
                            1040,
                            OptionalInt::empty)
                    .sequence(0);
        }
    }

    private int[] encoded(String text) {
        try (Tokenizer tokenizer = Tokenizer.at(model.resolve("tokenizer.json"))) {
            return tokenizer.encode(text, false);
        }
    }
}
